"""The FIFOs of a spare become those of a worker: the same FIFOs, under another name.

Three steps, each of which can be told from what is on disk: the worker's own folder goes away, the spare's takes its
name, and so do the second links. A daemon that died in the middle leaves the rest to the next one, which calls this
again: what is done already is not done twice.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence

from tmaxd.ports import WorldError
from tmaxd.world import failpoints
from tmaxd.world.fifo import Fifo, facts_of, same_file
from tmaxd.world.fifo_folder import HELD, SUFFIX, FifoFolder


def move(folder: FifoFolder, spare: str, worker: str, names: Sequence[str]) -> None:
    """`names`: of the FIFOs of each of the two. Raises WorldError when something does not let itself be moved; nothing
    of the spare's is lost then."""
    try:
        if not _moved(folder, spare, worker, names):
            _restore(folder, spare, names)
            folder.remove_folder(worker, [f"{worker}.{name}" for name in names])
            failpoints.hit("pool.after_old_pipes")
            os.rename(f"{folder.path}/{spare}", f"{folder.path}/{worker}")
            failpoints.hit("pool.after_folder")
        for name in names:
            with contextlib.suppress(FileNotFoundError):  # a filesystem without such links
                _rename(_keep(folder, spare, name), _keep(folder, worker, name))
    except OSError as error:
        raise WorldError(f"cannot hand {spare}'s FIFOs to {worker}: {error.strerror}") from error


def _rename(old: str, new: str) -> None:
    """rename(2) does nothing with two names of one file; the old one would give the next spare the worker's FIFOs."""
    facts = facts_of(old)
    if facts is not None and same_file(facts, facts_of(new)):
        os.unlink(old)
    else:
        os.rename(old, new)


def _moved(folder: FifoFolder, spare: str, worker: str, names: Sequence[str]) -> bool:
    """Whether the worker's folder is the spare's already. The second links, which are moved last, tell."""
    if os.path.isdir(f"{folder.path}/{spare}"):
        return False
    kept = [(name, facts) for name in names if (facts := facts_of(_keep(folder, spare, name)))]
    return all(
        same_file(facts, facts_of(f"{folder.path}/{worker}/{name}{SUFFIX}")) for name, facts in kept
    )


def _restore(folder: FifoFolder, spare: str, names: Sequence[str]) -> None:
    """What somebody has removed of the spare's FIFOs is put back first."""
    for name in names:
        if facts_of(f"{folder.path}/{spare}/{name}{SUFFIX}") is None:
            Fifo(f"{folder.path}/{spare}/{name}{SUFFIX}", _keep(folder, spare, name)).close()


def _keep(folder: FifoFolder, worker: str, name: str) -> str:
    return f"{folder.path}/{HELD}/{worker}.{name}{SUFFIX}"
