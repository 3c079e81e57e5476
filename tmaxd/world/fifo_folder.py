"""The folder that a fleet's FIFOs stand in: they are made, listed, checked and put right here.

Below it is `.held/`, which has a second hard link of each (see `fifo`). Its name there also tells of what kind a
FIFO is, where its own name does not.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from typing import Protocol

from tmaxd.ports import PipeKind, PipeProblem, PipeTrouble, Unknown, WorldError
from tmaxd.world.fifo import Fifo, ensure_folder, facts_of
from tmaxd.world.fifo_io import Inlet
from tmaxd.world.fifo_removal import finish_removals, leftover, remove_fifo, remove_folder
from tmaxd.world.fifo_size import Capacity

HELD = ".held"
SUFFIX = ".pipe"


class End(Protocol):
    """Our side of one FIFO: an Inlet, an Outlet or an Outbox."""

    fifo: Fifo

    def renewed(self, old: int) -> None: ...

    def close(self) -> None: ...


Owned = tuple[PipeKind, str, End]
"""(kind and name of the owner, our side of the FIFO)"""


class FifoFolder:
    """`loop` is the running one at the first FIFO, unless it is given."""

    def __init__(self, path: str, loop: asyncio.AbstractEventLoop | None) -> None:
        self.path = path
        self.capacity = Capacity()
        self._given_loop = loop
        self._broken: dict[str, str] = {}
        """FIFO to the sentence that says why it could not be put right."""
        self._leftovers: set[str] = set()
        self._prepared = False

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._given_loop is None:
            self._given_loop = asyncio.get_running_loop()
        return self._given_loop

    # ------------------------------------------------------------------------------- one by one

    def make(self, name: str, keep: str) -> Fifo:
        """`NAME.pipe`, below the folder, created or taken over; `keep` is the name of its second link."""
        self._prepare()
        return Fifo(f"{self.path}/{name}{SUFFIX}", self._keep(keep))

    def remove(self, name: str, keep: str) -> None:
        remove_fifo(f"{self.path}/{name}{SUFFIX}", self._keep(keep))

    def remove_folder(self, name: str, keeps: Iterable[str]) -> None:
        """A folder with FIFOs; it stays, renamed, where it holds anything else, and `problems` says so."""
        left = remove_folder(self.path, name, [self._keep(keep) for keep in keeps])
        if left is not None:
            self._leftovers.add(left)

    def renamed(self, end: End, name: str, keep: str) -> None:
        """It stands under another name now, and its second link too."""
        fifo = end.fifo
        self._broken.pop(fifo.path, None)
        self.capacity.forget(fifo.path)
        fifo.path, fifo.keep = f"{self.path}/{name}{SUFFIX}", self._keep(keep)
        if not name.endswith("/control"):
            self.capacity.apply(fifo)

    def forget(self, end: End) -> None:
        """It is removed, or about to be."""
        self.capacity.forget(end.fifo.path)
        self._broken.pop(end.fifo.path, None)
        end.close()

    def _keep(self, name: str) -> str:
        return f"{self.path}/{HELD}/{name}{SUFFIX}"

    def _prepare(self) -> None:
        """Our folders, and the end of removals that an earlier daemon did not finish."""
        self._ensure()
        if not self._prepared:
            self._leftovers.update(finish_removals(self.path))
            self._prepared = True

    def _ensure(self) -> None:
        try:
            ensure_folder(self.path)
            ensure_folder(f"{self.path}/{HELD}")
        except OSError as error:
            raise WorldError(f"cannot make the folder {self.path}: {error.strerror}") from error

    # -------------------------------------------------------------------------------- the whole

    def entries(self) -> list[os.DirEntry[str]]:
        """What stands in the folder. Raises `Unknown`."""
        return _scan(self.path)

    def kept(self, ending: str) -> frozenset[str]:
        """NAME of every second link `NAME<ending>.pipe` without a dot in NAME. Raises `Unknown`."""
        return named(_scan(f"{self.path}/{HELD}"), f"{ending}{SUFFIX}")

    def problems(self) -> tuple[str, ...]:
        left = (leftover(folder) for folder in sorted(self._leftovers))
        return (
            *self._broken.values(),
            *(sentence for sentence in left if sentence is not None),
            *self.capacity.problems(),
        )

    def check(self, ends: Iterable[Owned]) -> tuple[PipeTrouble, ...]:
        """Compare each with its path, and put right what is not as it should be."""
        lstat = os.lstat
        odd: list[Owned] = []
        for owned in ends:
            fifo = owned[2].fifo
            try:
                if lstat(fifo.path)[:5] == fifo.facts:
                    continue
            except OSError:
                pass  # told apart below
            odd.append(owned)
        if not odd:
            return ()
        # All looks come first: one that fails (Unknown) must leave everything as it is.
        looks = [(owned, facts_of(owned[2].fifo.path)) for owned in odd]
        found = [self._heal(owned, owned[2].fifo.problem(there)) for owned, there in looks]
        return tuple(trouble for trouble in found if trouble is not None)

    def _heal(self, owned: Owned, problem: PipeProblem | None) -> PipeTrouble | None:
        kind, owner, end = owned
        fifo = end.fifo
        lost = False
        try:
            self._ensure()
            old = fifo.heal(problem)
        except (WorldError, Unknown) as error:
            self._broken[fifo.path] = f"{error}; it is tried again with the next look"
        else:
            self._broken.pop(fifo.path, None)
            if old is not None:
                lost = True
                if not fifo.path.endswith(f"/control{SUFFIX}"):
                    self.capacity.apply(fifo)
                end.renewed(old)
        if isinstance(end, Inlet):
            end.adopt_foreign()
        else:
            fifo.foreign.clear()
        return None if problem is None else PipeTrouble(fifo.path, problem, owner, lost, kind)


def named(entries: Iterable[os.DirEntry[str]], ending: str) -> frozenset[str]:
    """NAME of every entry `NAME<ending>` without a dot in NAME."""
    return frozenset(
        name
        for entry in entries
        if entry.name.endswith(ending) and "." not in (name := entry.name.removesuffix(ending))
    )


def _scan(path: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(path) as entries:
            return list(entries)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Unknown(f"cannot list {path}: {error.strerror}") from error


def refuse_odd(name: str) -> None:
    """Names come from a checked spec; one that would lead out of our folder is a bug."""
    if not name or "/" in name or name.startswith("."):
        raise ValueError(f"{name!r} cannot be the name of a worker, a group, an inbox or an outbox")
