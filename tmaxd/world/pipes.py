"""The port `Pipes` on real FIFOs: which there are, and what becomes of them.

On disk, below one 0700 folder: `WORKER/{tasks,control,results}.pipe`, `INBOX.pipe`, and `.held/`,
which has a second hard link of each (see `fifo`). A folder being removed is `.gone-WORKER`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from tmaxd.ports import PipeProblem, PipeTrouble, Unknown, WorldError
from tmaxd.world.fifo import Fifo, ensure_folder, facts_of, is_own_fifo
from tmaxd.world.fifo_io import Inlet, Outlet
from tmaxd.world.fifo_removal import finish_removals, leftover, remove_fifo, remove_folder
from tmaxd.world.fifo_size import Capacity

HELD = ".held"
SUFFIX = ".pipe"
NAMES = ("tasks", "control", "results")

Handler = Callable[[str, bytes], None]


class _Worker(NamedTuple):
    """The three FIFOs of one worker."""

    tasks: Outlet
    control: Outlet
    results: Inlet


class FifoPipes:
    """`Pipes`. The loop is the running one at the first FIFO, unless it is given. Nothing is read before there
    is a handler for it."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._folder = str(folder)
        self._given_loop = loop
        self._workers: dict[str, _Worker] = {}
        self._inboxes: dict[str, Inlet] = {}
        self._results_handler: Handler | None = None
        self._inbox_handler: Handler | None = None
        self._paused = False
        self._capacity = Capacity()
        self._broken: dict[str, str] = {}
        """FIFO to the sentence that says why it could not be put right."""
        self._leftovers: set[str] = set()
        self._prepared = False

    # -------------------------------------------------------------------------- which there are

    def add_worker(self, worker: str) -> None:
        if worker in self._workers:
            return
        _refuse_odd(worker)
        self._prepare()
        opened: list[Fifo] = []
        try:
            for name in NAMES:
                path = f"{self._folder}/{worker}/{name}{SUFFIX}"
                opened.append(Fifo(path, self._keep(f"{worker}.{name}")))
        except BaseException:
            for fifo in opened:
                fifo.close()
            raise
        tasks, control, results = opened
        inlet = Inlet(results, self._loop, lambda data: self._result(worker, data))
        entry = _Worker(Outlet(tasks, self._loop), Outlet(control, self._loop), inlet)
        self._workers[worker] = entry
        self._capacity.apply(tasks)
        self._capacity.apply(results)
        inlet.adopt_foreign()
        inlet.read_on(self._results_handler is not None)

    def remove_worker(self, worker: str) -> None:
        """What the results FIFO still holds is handed on first."""
        _refuse_odd(worker)
        entry = self._workers.get(worker)
        if entry is not None and self._results_handler is not None:
            entry.results.drain()
        self._workers.pop(worker, None)
        try:
            left = remove_folder(self._folder, worker, self._keeps(worker))
            if left is not None:
                self._leftovers.add(left)
        finally:
            if entry is not None:
                for end in entry:
                    self._forget(end)

    def add_inbox(self, inbox: str) -> None:
        if inbox in self._inboxes:
            return
        _refuse_odd(inbox)
        self._prepare()
        fifo = Fifo(f"{self._folder}/{inbox}{SUFFIX}", self._keep(inbox))
        inlet = Inlet(fifo, self._loop, lambda data: self._line(inbox, data))
        self._inboxes[inbox] = inlet
        self._capacity.apply(fifo)
        inlet.adopt_foreign()
        inlet.read_on(self._inboxes_flow())

    def remove_inbox(self, inbox: str) -> None:
        """What it still holds is handed on first."""
        _refuse_odd(inbox)
        inlet = self._inboxes.get(inbox)
        try:
            remove_fifo(f"{self._folder}/{inbox}{SUFFIX}", self._keep(inbox))
            if inlet is not None and self._inbox_handler is not None:
                inlet.drain()
        finally:
            self._inboxes.pop(inbox, None)
            if inlet is not None:
                self._forget(inlet)

    def workers(self) -> frozenset[str]:
        return frozenset(
            entry.name
            for entry in self._list()
            if "." not in entry.name and entry.is_dir(follow_symlinks=False)
        )

    def inboxes(self) -> frozenset[str]:
        return frozenset(
            name
            for entry in self._list()
            if entry.name.endswith(SUFFIX)
            and "." not in (name := entry.name.removesuffix(SUFFIX))
            and is_own_fifo(facts_of(entry.path))
        )

    def _list(self) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._folder) as entries:
                return list(entries)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise Unknown(f"cannot list {self._folder}: {error.strerror}") from error

    def _prepare(self) -> None:
        """Our folders, and the end of removals that an earlier daemon did not finish."""
        self._ensure_folders()
        if self._prepared:
            return
        self._leftovers.update(finish_removals(self._folder))
        self._prepared = True

    def _ensure_folders(self) -> None:
        try:
            ensure_folder(self._folder)
            ensure_folder(f"{self._folder}/{HELD}")
        except OSError as error:
            raise WorldError(f"cannot make the folder {self._folder}: {error.strerror}") from error

    def _keep(self, name: str) -> str:
        return f"{self._folder}/{HELD}/{name}{SUFFIX}"

    def _keeps(self, worker: str) -> tuple[str, ...]:
        return tuple(self._keep(f"{worker}.{name}") for name in NAMES)

    def _forget(self, end: Outlet | Inlet) -> None:
        self._capacity.forget(end.fifo.path)
        self._broken.pop(end.fifo.path, None)
        end.close()

    # ---------------------------------------------------------------------------- size and health

    def set_capacity(self, size: int) -> None:
        self._capacity.size = size
        for entry in self._workers.values():
            self._capacity.apply(entry.tasks.fifo)
            self._capacity.apply(entry.results.fifo)
        for inlet in self._inboxes.values():
            self._capacity.apply(inlet.fifo)

    def check(self) -> tuple[PipeTrouble, ...]:
        lstat = os.lstat
        odd: list[tuple[str, Outlet | Inlet]] = []
        for owner, end in self._ends():
            fifo = end.fifo
            try:
                if lstat(fifo.path)[:5] == fifo.facts:
                    continue
            except OSError:
                pass  # told apart below
            odd.append((owner, end))
        if not odd:
            return ()
        # All looks come first: one that fails (Unknown) must leave everything as it is.
        looks = [(owner, end, facts_of(end.fifo.path)) for owner, end in odd]
        found = [self._heal(owner, end, end.fifo.problem(there)) for owner, end, there in looks]
        return tuple(trouble for trouble in found if trouble is not None)

    def _heal(
        self, owner: str, end: Outlet | Inlet, problem: PipeProblem | None
    ) -> PipeTrouble | None:
        fifo = end.fifo
        lost = False
        try:
            self._ensure_folders()
            old = fifo.heal(problem)
        except (WorldError, Unknown) as error:
            self._broken[fifo.path] = f"{error}; it is tried again with the next look"
        else:
            self._broken.pop(fifo.path, None)
            if old is not None:
                lost = True
                if not fifo.path.endswith(f"/control{SUFFIX}"):
                    self._capacity.apply(fifo)
                end.renewed(old)
        if isinstance(end, Inlet):
            end.adopt_foreign()
        else:
            fifo.foreign.clear()
        return None if problem is None else PipeTrouble(fifo.path, problem, owner, lost)

    def _ends(self) -> Iterator[tuple[str, Outlet | Inlet]]:
        for worker, entry in self._workers.items():
            for end in entry:
                yield worker, end
        yield from self._inboxes.items()

    def problems(self) -> tuple[str, ...]:
        left = (leftover(folder) for folder in sorted(self._leftovers))
        return (
            *self._broken.values(),
            *(sentence for sentence in left if sentence is not None),
            *self._capacity.problems(),
        )

    # ------------------------------------------------------------------------------ what flows

    def send(self, worker: str, pipe: Literal["tasks", "control"], data: bytes) -> None:
        entry = self._workers.get(worker)
        if entry is None:
            raise WorldError(
                f"nothing can be sent to {worker}: it has no FIFOs under {self._folder}"
            )
        (entry.tasks if pipe == "tasks" else entry.control).send(data)

    def take_back(self, worker: str) -> bytes:
        entry = self._workers.get(worker)
        return b"" if entry is None else entry.tasks.take_back()

    def on_results(self, handler: Handler) -> None:
        self._results_handler = handler
        for entry in self._workers.values():
            entry.results.read_on(True)

    def on_inbox(self, handler: Handler) -> None:
        self._inbox_handler = handler
        self._steer_inboxes()

    def drain_results(self, worker: str) -> None:
        entry = self._workers.get(worker)
        if entry is not None and self._results_handler is not None:
            entry.results.drain()

    def pause_inboxes(self, paused: bool) -> None:
        self._paused = paused
        self._steer_inboxes()

    def close(self) -> None:
        """The FIFOs and what they hold stay, as long as anybody has them open."""
        for _, end in self._ends():
            end.close()
        self._workers.clear()
        self._inboxes.clear()

    def _inboxes_flow(self) -> bool:
        return self._inbox_handler is not None and not self._paused

    def _steer_inboxes(self) -> None:
        for inlet in self._inboxes.values():
            inlet.read_on(self._inboxes_flow())

    def _result(self, worker: str, data: bytes) -> None:
        if self._results_handler is not None:
            self._results_handler(worker, data)

    def _line(self, inbox: str, data: bytes) -> None:
        if self._inbox_handler is not None:
            self._inbox_handler(inbox, data)

    @property
    def _loop(self) -> asyncio.AbstractEventLoop:
        if self._given_loop is None:
            self._given_loop = asyncio.get_running_loop()
        return self._given_loop


def _refuse_odd(name: str) -> None:
    """Names come from a checked spec; one that would lead out of our folder is a bug."""
    if not name or "/" in name or name.startswith("."):
        raise ValueError(f"{name!r} cannot be the name of a worker or inbox")
