"""Removing FIFOs so that nobody hangs in open(2) for ever and nothing that is not ours is deleted.

The name goes first: who looks from now on finds nothing, and who is blocked is let go.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from tmaxd.ports import WorldError
from tmaxd.world.fifo import facts_of, is_own_fifo, release

GONE = ".gone-"
OURS = ("tasks.pipe", "control.pipe", "results.pipe")
_NAMES = 100
"""Folders of one worker that can be left behind because of what else is in them."""


def remove_folder(root: str, name: str, keeps: Iterable[str]) -> str | None:
    """Remove `ROOT/NAME` with our FIFOs in it, and their second links. A folder that holds anything else
    stays, renamed; then the answer is its new path. No folder is no error."""
    try:
        folder = _rename_away(root, name)
        for keep in keeps:
            _unlink(keep)
        if folder is None:
            return None
        for fifo in OURS:
            _end_fifo(f"{folder}/{fifo}")
        try:
            os.rmdir(folder)
        except OSError:
            if os.path.isdir(folder):
                return folder
    except OSError as error:
        raise WorldError(f"cannot remove {root}/{name}: {error.strerror}") from error
    return None


def leftover(folder: str) -> str | None:
    """One sentence about a folder that stayed; None when it is gone meanwhile."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:
        return None
    return f"{folder} is kept, since it holds what is not ours: {', '.join(names[:5])}"


def finish_removals(root: str) -> set[str]:
    """End what an earlier daemon left half removed. The folders that must stay."""
    left: set[str] = set()
    with os.scandir(root) as entries:
        gone = [entry.name for entry in entries if entry.name.startswith(GONE)]
    for name in gone:
        _end_fifo(f"{root}/{name}")
        folder = remove_folder(root, name, ())
        if folder is not None:
            left.add(folder)
    return left


def remove_fifo(path: str, keep: str) -> None:
    """Remove one FIFO and its second link. What is no FIFO of ours is left as it is."""
    try:
        _unlink(keep)
        folder, name = os.path.split(path)
        gone = f"{folder}/{GONE}{name}"
        if is_own_fifo(facts_of(path)):
            with contextlib.suppress(FileNotFoundError):
                os.rename(path, gone)
        _end_fifo(gone)
    except OSError as error:
        raise WorldError(f"cannot remove {path}: {error.strerror}") from error


def _rename_away(root: str, name: str) -> str | None:
    """The folder's new path; None when there is none. One that was renamed before keeps its name."""
    path = f"{root}/{name}"
    facts = facts_of(path)
    if facts is None or not stat.S_ISDIR(facts[0]):
        return None
    if name.startswith(GONE):
        return path
    for n in range(1, _NAMES):
        gone = f"{root}/{GONE}{name}" + (f"-{n}" if n > 1 else "")
        try:
            os.rename(path, gone)
        except OSError:
            if os.path.lexists(gone):  # left behind earlier, with something in it
                continue
            raise
        return gone
    raise WorldError(f"cannot remove {path}: too many {GONE}{name}-N folders; look what is in them")


def _end_fifo(path: str) -> None:
    """Let go who is blocked in opening it, and remove it. What is no FIFO of ours stays."""
    if is_own_fifo(facts_of(path)):
        release(path)
        _unlink(path)


def _unlink(path: str) -> None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(path)
