"""The port `Remains` on the fleet's folders, which are ours alone (`folders`). Links are not followed, and folders are
only removed where they are empty."""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Iterator
from itertools import islice
from typing import Final

from tmaxd.places import Places
from tmaxd.ports import Unknown
from tmaxd.ports.remains import Kind, Remnant
from tmaxd.world.aside import Aside
from tmaxd.world.fifo import is_own_fifo
from tmaxd.world.fifo_folder import HELD, SUFFIX
from tmaxd.world.fifo_removal import GONE

DEADLINE = 10.0
"""Seconds for a listing of the folders; that of payloads may have a million files."""
MOST: Final = 10_000
"""Remnants that one look brings; the next brings the others."""
_TEMPORARY = re.compile(r"^\..+\.(\d+)$")
"""`files.write_private`: `.NAME.PID`."""


class FleetRemains:
    """`Remains`."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._looking: asyncio.Future[tuple[Remnant, ...]] | None = None

    async def find(self) -> tuple[Remnant, ...]:
        if self._looking is not None and not self._looking.done():
            raise Unknown("an earlier look at the fleet's folders hangs")
        aside = Aside("remains", self._find, asyncio.get_running_loop())
        self._looking = aside.answer
        aside.start()
        try:
            return await asyncio.wait_for(asyncio.shield(aside.answer), DEADLINE)
        except TimeoutError:
            raise Unknown(f"the fleet's folders were not listed within {DEADLINE:g} s") from None

    def remove(self, remnant: Remnant) -> bool:
        path = remnant.path
        try:
            there = os.lstat(path)
            if not _is(remnant.kind, there):
                return False
            if stat.S_ISDIR(there.st_mode):
                os.rmdir(path)
            else:
                os.unlink(path)
        except FileNotFoundError:
            return False
        except OSError:
            if stat.S_ISDIR(os.lstat(path).st_mode) and os.listdir(path):
                return False
            raise
        return True

    def _find(self) -> tuple[Remnant, ...]:
        return tuple(islice(self._all(), MOST))

    def _all(self) -> Iterator[Remnant]:
        pipes = str(self._places.pipes)
        for entry in _entries(f"{pipes}/{HELD}"):
            if entry.name.endswith(SUFFIX):
                yield from _remnant("fifo", entry, entry.name.partition(".")[0])
        for entry in _entries(pipes):
            if entry.name.startswith(GONE) and _is_empty(entry):
                yield from _remnant("gone", entry, "")
        for entry in _entries(str(self._places.payloads)):
            if _is_temporary(entry.name):
                yield from _remnant("temporary", entry, "")
            elif "." not in entry.name and _is_empty(entry):
                yield from _remnant("spool", entry, entry.name)
        for entry in _entries(str(self._places.state)):
            if _is_temporary(entry.name):
                yield from _remnant("temporary", entry, "")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    """Raises `Unknown`; a folder that is not there has none."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise Unknown(f"cannot list {folder}: {error.strerror}") from error


def _remnant(kind: Kind, entry: os.DirEntry[str], owner: str) -> Iterator[Remnant]:
    try:
        there = entry.stat(follow_symlinks=False)
    except OSError:
        return  # gone meanwhile
    if _is(kind, there):
        yield Remnant(
            kind=kind,
            path=entry.path,
            owner=owner,
            at=there.st_mtime,
            bytes=there.st_blocks * 512,
        )


def _is(kind: Kind, there: os.stat_result) -> bool:
    """It is ours, and of that kind."""
    if there.st_uid != os.geteuid():
        return False
    if kind == "fifo":
        return is_own_fifo(there[:5]) and there.st_nlink == 1
    if kind == "temporary":
        return stat.S_ISREG(there.st_mode)
    return stat.S_ISDIR(there.st_mode)


def _is_temporary(name: str) -> bool:
    """Of another daemon than this: there is only one at a time, and whatever an earlier one was writing is given up."""
    found = _TEMPORARY.match(name)
    return found is not None and int(found[1]) != os.getpid()


def _is_empty(entry: os.DirEntry[str]) -> bool:
    try:
        if not entry.is_dir(follow_symlinks=False):
            return False
        with os.scandir(entry.path) as entries:
            return next(entries, None) is None
    except OSError:
        return False
