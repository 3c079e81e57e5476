"""The port `Pipes` on real FIFOs: which there are, and what goes through them.

On disk, below one 0700 folder: `WORKER/{tasks,control,results}.pipe`, `INBOX.pipe`, `OUTBOX.pipe`, and for groups whose
workers share one `GROUP.tasks.pipe`. Names have no dots. A folder being removed is `.gone-WORKER`. `.runs/RUN` leads to
the folder of a run that may change its name (`fifo_links`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple, TypeVar

from tmaxd.ports import RECORD, PipeTrouble, WorldError
from tmaxd.world import failpoints, fifo_handover
from tmaxd.world.fifo import Fifo, facts_of, is_own_fifo
from tmaxd.world.fifo_folder import SUFFIX, End, FifoFolder, Owned, named, refuse_odd
from tmaxd.world.fifo_io import Inlet, Outlet, send_tasks
from tmaxd.world.fifo_links import Links
from tmaxd.world.fifo_outbox import Outbox

NAMES = ("tasks", "control", "results")
OUTBOX, SHARED = ".outbox", ".shared"
"""Endings of second links by which a FIFO's kind is known; those of workers end in one of NAMES."""

Handler = Callable[[str, bytes], None]
AnyEnd = TypeVar("AnyEnd", bound=End)


class _Worker(NamedTuple):
    """The three FIFOs of one worker."""

    tasks: Outlet
    control: Outlet
    results: Inlet


class FifoPipes:
    """`Pipes`. The loop is the running one at the first FIFO, unless it is given. Nothing is read before there
    is a handler for it."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._folder = FifoFolder(str(folder), loop)
        self._links = Links(str(folder))
        self._workers: dict[str, _Worker] = {}
        self._inboxes: dict[str, Inlet] = {}
        self._outboxes: dict[str, Outbox] = {}
        self._shared: dict[str, Outlet] = {}
        self._lost: dict[str, int] = {}
        """Of outboxes that were removed."""
        self._results_handler: Handler | None = None
        self._inbox_handler: Handler | None = None
        self._paused = False
        self._paused_one: set[str] = set()

    # -------------------------------------------------------------------------- which there are

    def add_worker(self, worker: str) -> None:
        if worker in self._workers:
            return
        refuse_odd(worker)
        folder = self._folder
        opened: list[Fifo] = []
        try:
            for name in NAMES:
                keep = f"{worker}.{name}"
                opened.append(folder.make(f"{worker}/{name}", keep))
        except BaseException:
            for fifo in opened:
                fifo.close()
            raise
        tasks, control, results = opened
        inlet = Inlet(results, folder.loop, lambda data: self._result(worker, data))
        self._workers[worker] = _Worker(
            Outlet(tasks, folder.loop), Outlet(control, folder.loop), inlet
        )
        folder.capacity.apply(tasks)
        folder.capacity.apply(results)
        inlet.adopt_foreign()
        inlet.read_on(self._results_handler is not None)

    def remove_worker(self, worker: str) -> None:
        """What the results FIFO still holds is handed on first."""
        refuse_odd(worker)
        self.drain_results(worker)
        entry = self._workers.pop(worker, None)
        try:
            self._folder.remove_folder(worker, [f"{worker}.{name}" for name in NAMES])
        finally:
            for end in entry or ():
                self._folder.forget(end)

    def link(self, run: str, worker: str) -> None:
        refuse_odd(run)
        self.add_worker(worker)
        self._links.point(run, worker)

    def unlink(self, run: str) -> None:
        refuse_odd(run)
        self._links.remove(run)

    def linked(self) -> frozenset[str]:
        return self._links.all()

    def hand_over(self, spare: str, worker: str, run: str) -> None:
        refuse_odd(spare)
        refuse_odd(worker)
        self.drain_results(worker)
        for own in self._workers.pop(worker, ()):
            self._folder.forget(own)
        fifo_handover.move(self._folder, spare, worker, NAMES)
        entry = self._workers.pop(spare, None)
        if entry is not None:
            ends: tuple[End, ...] = entry
            for name, end in zip(NAMES, ends, strict=True):
                self._folder.renamed(end, f"{worker}/{name}", f"{worker}.{name}")
            entry.results.hand_to(lambda data: self._result(worker, data))
            self._workers[worker] = entry
        self.add_worker(worker)
        self._links.point(run, worker)
        failpoints.hit("pool.after_pipes")

    def add_inbox(self, inbox: str) -> None:
        if inbox in self._inboxes:
            return
        fifo = self._public(inbox, inbox, self._outboxes)
        inlet = Inlet(fifo, self._folder.loop, lambda data: self._line(inbox, data))
        self._inboxes[inbox] = inlet
        inlet.adopt_foreign()
        inlet.read_on(self._flows(inbox))

    def remove_inbox(self, inbox: str) -> None:
        """What it still holds is handed on first."""
        refuse_odd(inbox)
        if inbox in self._outboxes:
            return
        inlet = self._inboxes.get(inbox)
        try:
            self._folder.remove(inbox, inbox)
            if inlet is not None and self._inbox_handler is not None:
                inlet.drain()
        finally:
            self._paused_one.discard(inbox)
            self._drop(self._inboxes, inbox)

    def add_outbox(self, outbox: str) -> None:
        if outbox not in self._outboxes:
            fifo = self._public(outbox, f"{outbox}{OUTBOX}", self._inboxes)
            self._outboxes[outbox] = Outbox(fifo, self._folder.loop)
            fifo.foreign.clear()

    def remove_outbox(self, outbox: str) -> None:
        refuse_odd(outbox)
        if outbox in self._inboxes:
            return
        try:
            self._folder.remove(outbox, f"{outbox}{OUTBOX}")
        finally:
            if outbox in self._outboxes:
                lost = self._outboxes[outbox].lost
                self._lost[outbox] = self._lost.get(outbox, 0) + lost
            self._drop(self._outboxes, outbox)

    def add_shared(self, group: str) -> None:
        if group not in self._shared:
            fifo = self._public(f"{group}.tasks", f"{group}{SHARED}", {})
            self._shared[group] = Outlet(fifo, self._folder.loop)
            fifo.foreign.clear()

    def remove_shared(self, group: str) -> None:
        refuse_odd(group)
        try:
            self._folder.remove(f"{group}.tasks", f"{group}{SHARED}")
        finally:
            self._drop(self._shared, group)

    def _public(self, name: str, keep: str, others: Mapping[str, End]) -> Fifo:
        refuse_odd(name)
        if name in others:
            raise WorldError(
                f"{self._folder.path}/{name}{SUFFIX} cannot be both an inbox and an outbox"
            )
        fifo = self._folder.make(name, keep)
        self._folder.capacity.apply(fifo)
        return fifo

    def _drop(self, ends: dict[str, AnyEnd], name: str) -> None:
        end = ends.pop(name, None)
        if end is not None:
            self._folder.forget(end)

    def workers(self) -> frozenset[str]:
        return frozenset(
            entry.name
            for entry in self._folder.entries()
            if "." not in entry.name and entry.is_dir(follow_symlinks=False)
        )

    def inboxes(self) -> frozenset[str]:
        return self._on_disk(SUFFIX) - self.outboxes()

    def outboxes(self) -> frozenset[str]:
        # One whose second link is gone (no links on this filesystem) is known only while we hold it.
        return self._on_disk(SUFFIX) & (self._folder.kept(OUTBOX) | self._outboxes.keys())

    def shared(self) -> frozenset[str]:
        return self._on_disk(f".tasks{SUFFIX}")

    def _on_disk(self, ending: str) -> frozenset[str]:
        fifos = (e for e in self._folder.entries() if is_own_fifo(facts_of(e.path)))
        return named(fifos, ending)

    # ---------------------------------------------------------------------------- size and health

    def set_capacity(self, size: int) -> None:
        self._folder.capacity.size = size
        small = {entry.control for entry in self._workers.values()}
        for _, _, end in self._ends():
            if end not in small:
                self._folder.capacity.apply(end.fifo)

    def check(self) -> tuple[PipeTrouble, ...]:
        return self._folder.check(self._ends())

    def problems(self) -> tuple[str, ...]:
        return self._folder.problems()

    def _ends(self) -> Iterator[Owned]:
        for worker, entry in self._workers.items():
            for end in entry:
                yield "worker", worker, end
        for inbox, inlet in self._inboxes.items():
            yield "inbox", inbox, inlet
        for outbox, out in self._outboxes.items():
            yield "outbox", outbox, out
        for group, outlet in self._shared.items():
            yield "shared", group, outlet

    # ------------------------------------------------------------------------------ what flows

    def send(self, worker: str, pipe: Literal["tasks", "control"], data: bytes) -> None:
        entry = self._workers.get(worker)
        if entry is None:
            raise self._nowhere(worker, "FIFOs")
        if pipe == "tasks":
            send_tasks(entry.tasks, data)
        else:
            entry.control.send(data)

    def take_back(self, worker: str) -> bytes:
        entry = self._workers.get(worker)
        unread = b"" if entry is None else entry.tasks.take_back()
        failpoints.hit("pipes.take_back")
        return unread

    def send_shared(self, group: str, data: bytes) -> None:
        if len(data) % RECORD:
            raise ValueError(f"{len(data)} bytes are no records of {RECORD}")
        outlet = self._shared.get(group)
        if outlet is None:
            raise self._nowhere(group, "shared FIFO")
        send_tasks(outlet, data)

    def take_back_shared(self, group: str) -> bytes:
        outlet = self._shared.get(group)
        unread = b"" if outlet is None else outlet.take_back()
        failpoints.hit("pipes.take_back_shared")
        return unread

    def publish(self, outbox: str, lines: Sequence[bytes]) -> None:
        out = self._outboxes.get(outbox)
        if out is not None:
            out.publish(lines)

    def lost(self) -> Mapping[str, int]:
        now = {name: out.lost + self._lost.get(name, 0) for name, out in self._outboxes.items()}
        return self._lost | now

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
        if paused != self._paused:
            self._paused = paused
            self._steer_inboxes()

    def pause_inbox(self, inbox: str, paused: bool) -> None:
        (self._paused_one.add if paused else self._paused_one.discard)(inbox)
        inlet = self._inboxes.get(inbox)
        if inlet is not None:
            inlet.read_on(self._flows(inbox))

    def close(self) -> None:
        """The FIFOs and what they hold stay, as long as anybody has them open."""
        for _, _, end in self._ends():
            end.close()
        for ends in (self._workers, self._inboxes, self._outboxes, self._shared):
            ends.clear()

    def _flows(self, inbox: str) -> bool:
        held = self._paused or inbox in self._paused_one
        return self._inbox_handler is not None and not held

    def _steer_inboxes(self) -> None:
        for inbox, inlet in self._inboxes.items():
            inlet.read_on(self._flows(inbox))

    def _result(self, worker: str, data: bytes) -> None:
        failpoints.hit("pipes.after_read")
        if self._results_handler is not None:
            self._results_handler(worker, data)

    def _line(self, inbox: str, data: bytes) -> None:
        if self._inbox_handler is not None:
            self._inbox_handler(inbox, data)

    def _nowhere(self, owner: str, what: str) -> WorldError:
        where = self._folder.path
        return WorldError(f"nothing can be sent to {owner}: it has no {what} under {where}")
