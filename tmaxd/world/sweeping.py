"""The port `Sweeper` on real folders: what globs name is removed, and nothing outside their roots ever is.

The way down is held by descriptors (`below`), so that no link and no renamed folder leads out. Right before something
is removed it is looked at once more: it has to be the very file that was judged, and its folder where it was.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from itertools import islice
from pathlib import Path

from tmaxd.ports.sweeping import Sweep, Tally
from tmaxd.world import failpoints
from tmaxd.world.aside import Aside
from tmaxd.world.below import Folder, Identity, Refused, open_root
from tmaxd.world.globs import Globs, Place, parts_below

SLICE = 256
"""Names that are looked at before the sweep rests: Python's lock and the disk are wanted by others, too."""
REST = 0.001
"""Seconds. With them a sweep takes a third longer."""
DEPTH = 128
"""Folders below each other. Each that is open takes two descriptors, of which workers need some as well."""
LINKED = 65_536
"""Files with several hard links that a dry run keeps in mind, to tell which of them would be the last."""
STOPS_WITHIN = 2.0
"""Seconds that a cancelled sweep is waited for; a file system that hangs is not waited for any longer."""


class FileSweeper:
    """`Sweeper`. `never`: folders that are not gone into, whatever is asked for: those of tmaxd."""

    def __init__(self, never: Iterable[Path]) -> None:
        self._never = tuple(never)
        self._hanging: asyncio.Future[None] | None = None

    async def sweep(self, order: Sweep, tally: Tally) -> None:
        if self._hanging is not None and not self._hanging.done():
            tally.problem("an earlier clean-up of files hangs: the file system does not answer")
            return
        stop = threading.Event()
        work = Aside(
            "sweep",
            lambda: sweep(order, tally, self._identities(), stop),
            asyncio.get_running_loop(),
        )
        self._hanging = work.answer
        work.start()
        try:
            await asyncio.shield(work.answer)
        except asyncio.CancelledError:
            stop.set()
            with suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(work.answer), STOPS_WITHIN)
            raise

    def _identities(self) -> frozenset[Identity]:
        found: set[Identity] = set()
        for path in self._never:
            with suppress(OSError):
                there = path.stat()
                found.add((there.st_dev, there.st_ino))
        return frozenset(found)


def sweep(
    order: Sweep, tally: Tally, never: frozenset[Identity], stop: threading.Event | None = None
) -> None:
    """All of it, in this thread. `stop`, once set, ends it soon."""
    stop = stop or threading.Event()
    for root, globs in _by_root(order, tally).items():
        walk = _Walk(order, Globs(globs), tally, never, stop)
        with suppress(_Stopped):
            walk.root(root)


def _by_root(order: Sweep, tally: Tally) -> dict[str, list[tuple[tuple[str, ...], bool]]]:
    """The globs of each root: the innermost that they begin with."""
    found: defaultdict[str, list[tuple[tuple[str, ...], bool]]] = defaultdict(list)
    for glob in order.globs:
        inside = [(root, names) for root in order.roots if (names := parts_below(root, glob))]
        if inside:
            root, names = min(inside, key=lambda pair: len(pair[1]))
            found[root].append((names, glob.endswith("/")))
        else:
            tally.problem(f"{_shown(glob)} is in none of the roots; nothing of it was looked at")
    return found


class _Stopped(Exception):
    """Somebody wants the sweep to end."""


class _Walk:
    """One walk through one root."""

    def __init__(
        self,
        order: Sweep,
        globs: Globs,
        tally: Tally,
        never: frozenset[Identity],
        stop: threading.Event,
    ) -> None:
        self._order = order
        self._globs = globs
        self._tally = tally
        self._never = never
        self._stop = stop
        self._looked = 0
        self._links: dict[Identity, int] = {}

    def root(self, path: str) -> None:
        try:
            folder = open_root(path, self._never)
        except Refused as why:
            self._problem(path, f"{why}; nothing in it was looked at")
        except OSError as error:
            self._problem(path, f"it cannot be opened: {error.strerror}")
        else:
            with closing(folder):
                self._inside(folder, self._globs.begin, 1)

    def _inside(self, folder: Folder, places: frozenset[Place], depth: int) -> int:
        """How many names in it are gone, or would be."""
        gone = 0
        try:
            for name in self._names(folder, places):
                self._looked += 1
                if self._looked % SLICE == 0 and self._stop.wait(REST):
                    raise _Stopped
                gone += self._one(folder, name, places, depth)
        except OSError as error:
            self._problem(folder.path, f"it cannot be listed: {error.strerror}")
        return gone

    def _names(self, folder: Folder, places: frozenset[Place]) -> Iterator[str]:
        """Read as they are needed: a folder may hold millions."""
        names = self._globs.names(places)
        if names is not None:
            yield from sorted(names)
            return
        with os.scandir(folder.fd) as entries:
            for entry in entries:
                yield entry.name

    def _one(self, folder: Folder, name: str, places: frozenset[Place], depth: int) -> bool:
        """Whether it is gone, or would be."""
        found = self._globs.step(places, name)
        if not (found.file or found.folder or found.below):
            return False
        try:
            there = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
            if stat.S_ISDIR(there.st_mode):
                gone = self._down(folder, name, found.below, depth) if found.below else 0
                return found.folder and self._remove_folder(folder, name, there, gone)
            return found.file and self._remove_file(folder, name, there)
        except FileNotFoundError:
            pass  # somebody else was faster
        except Refused as why:
            self._problem(f"{folder.path}/{name}", f"{why}; it is left alone")
        except OSError as error:
            self._problem(f"{folder.path}/{name}", f"it cannot be removed: {error.strerror}")
        return False

    def _down(self, folder: Folder, name: str, places: frozenset[Place], depth: int) -> int:
        if depth >= DEPTH:
            raise Refused(f"it is more than {DEPTH} folders deep")
        failpoints.hit("sweep.before_open")
        try:
            below = folder.below(name, self._never)
        except FileNotFoundError:
            raise
        except OSError as error:
            if error.errno in (errno.ENOTDIR, errno.ELOOP):
                raise Refused("it changed while it was looked at") from None
            raise Refused(f"it cannot be opened: {error.strerror}") from None
        with closing(below):
            return self._inside(below, places, depth + 1)

    # ------------------------------------------------------------------------------- removing

    def _remove_file(self, folder: Folder, name: str, there: os.stat_result) -> bool:
        if not (stat.S_ISREG(there.st_mode) or stat.S_ISLNK(there.st_mode)):
            raise Refused("it is neither a file nor a link")
        if self._is_young(there):
            return False
        size = self._freed(there)
        if not self._order.dry:
            self._check(folder, name, there)
            os.unlink(name, dir_fd=folder.fd)
        self._tally.add(_shown(f"{folder.path}/{name}"), size)
        return True

    def _remove_folder(self, folder: Folder, name: str, there: os.stat_result, gone: int) -> bool:
        """Where it is empty. Its age is that of before the sweep went through it, which has taken `gone` out of it, or
        would have."""
        if self._is_young(there):
            return False
        if self._order.dry:
            if self._holds_more(folder, name, gone):
                return False
        else:
            self._check(folder, name, there, ours=True)
            try:
                os.rmdir(name, dir_fd=folder.fd)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                    return False
                raise
        self._tally.add(_shown(f"{folder.path}/{name}/"), there.st_blocks * 512)
        return True

    def _holds_more(self, folder: Folder, name: str, than: int) -> bool:
        with closing(folder.below(name, self._never)) as below, os.scandir(below.fd) as entries:
            return next(islice(entries, than, None), None) is not None

    def _check(
        self, folder: Folder, name: str, there: os.stat_result, *, ours: bool = False
    ) -> None:
        """Raises `Refused` unless it is what was judged, where it was judged. `ours`: the sweep itself may have changed
        when it was last changed."""
        failpoints.hit("sweep.before_check")
        now = os.stat(name, dir_fd=folder.fd, follow_symlinks=False)
        same = (now.st_dev, now.st_ino, stat.S_IFMT(now.st_mode)) == (
            there.st_dev,
            there.st_ino,
            stat.S_IFMT(there.st_mode),
        )
        if not same or (not ours and now.st_mtime_ns != there.st_mtime_ns):
            raise Refused("it changed while it was looked at")
        if not folder.stands():
            raise Refused("its folder was moved meanwhile")

    def _is_young(self, there: os.stat_result) -> bool:
        return self._order.before is not None and there.st_mtime > self._order.before

    def _freed(self, there: os.stat_result) -> int:
        """Bytes that come back with this name: none as long as the file has another."""
        size = there.st_blocks * 512
        if there.st_nlink <= 1:
            return size
        if not self._order.dry:
            return 0
        key = (there.st_dev, there.st_ino)
        if key not in self._links and len(self._links) >= LINKED:
            return 0
        self._links[key] = self._links.get(key, 0) + 1
        return size if self._links[key] == there.st_nlink else 0

    def _problem(self, path: str, text: str) -> None:
        self._tally.problem(f"{_shown(path)}: {text}")


def _shown(path: str) -> str:
    """As text that can be sent: names on disk are bytes, of any kind but NUL and `/`."""
    try:
        path.encode()
    except UnicodeEncodeError:
        return os.fsencode(path).decode(errors="backslashreplace")
    return path
