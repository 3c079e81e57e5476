"""`FakePipes`: the port `Pipes` in memory, with the other side of every FIFO as methods.

Workers are taken to have their FIFOs open, so that what a FIFO holds outlives the daemon: `reopen`
gives the pipes of the next one. What arrives is delivered from the event loop where one runs, at
once where none does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from tmaxd.ports import RECORD, PipeKind, PipeProblem, PipeTrouble, WorldError
from tmaxd.testing.fifos import Fifo, Fifos, Outbox

Handler = Callable[[str, bytes], None]
PipeName = Literal["tasks", "control", "results"]

CAPACITY = 64 * 1024
"""What Linux gives a FIFO by default (pipe(7))."""
CHUNK = 64 * 1024


class FakePipes:
    def __init__(self, disk: Fifos | None = None) -> None:
        self._disk = Fifos() if disk is None else disk
        self._workers: set[str] = set()
        self._inboxes: set[str] = set()
        self._outboxes: set[str] = set()
        self._shared: set[str] = set()
        self._lost: dict[str, int] = {}
        self._results_handler: Handler | None = None
        self._inbox_handler: Handler | None = None
        self._paused = False
        self._paused_one: set[str] = set()
        self._capacity = CAPACITY
        self._found: list[PipeTrouble] = []
        self._problems: list[str] = []
        self.closed = False

    # ------------------------------------------------------------------------------- the port

    def add_worker(self, worker: str) -> None:
        made = {name: Fifo(self._capacity) for name in ("tasks", "control", "results")}
        self._disk.workers.setdefault(worker, made)
        self._workers.add(worker)
        self._soon(lambda: self._deliver_results(worker))

    def remove_worker(self, worker: str) -> None:
        self.drain_results(worker)
        self._workers.discard(worker)
        if self._disk.workers.pop(worker, None) is None:
            return
        if worker in self._disk.foreign_files:
            self._disk.foreign_files.discard(worker)
            self._problems.append(f".gone-{worker} is kept, since it holds what is not ours")

    def link(self, run: str, worker: str) -> None:
        self.add_worker(worker)
        self._disk.links[run] = worker

    def unlink(self, run: str) -> None:
        self._disk.links.pop(run, None)

    def linked(self) -> frozenset[str]:
        return frozenset(self._disk.links)

    def hand_over(self, spare: str, worker: str, run: str) -> None:
        self.drain_results(worker)
        if spare in self._disk.workers:
            self._disk.workers[worker] = self._disk.workers.pop(spare)
        self._workers.discard(spare)
        self.add_worker(worker)
        self._disk.links[run] = worker

    def add_inbox(self, inbox: str) -> None:
        _refuse_both(inbox, self._disk.outboxes)
        self._disk.inboxes.setdefault(inbox, Fifo(self._capacity))
        self._inboxes.add(inbox)
        self._soon(lambda: self._deliver_lines(inbox))

    def remove_inbox(self, inbox: str) -> None:
        fifo = self._disk.inboxes.pop(inbox, None)
        if fifo is not None and inbox in self._inboxes and self._inbox_handler is not None:
            _hand_on(fifo, inbox, self._inbox_handler)
        self._inboxes.discard(inbox)
        self._paused_one.discard(inbox)

    def add_outbox(self, outbox: str) -> None:
        _refuse_both(outbox, self._disk.inboxes)
        if outbox not in self._outboxes:
            self._outboxes.add(outbox)
            self._disk.outboxes.setdefault(outbox, Outbox(self._capacity)).lost = 0

    def remove_outbox(self, outbox: str) -> None:
        gone = self._disk.outboxes.pop(outbox, None)
        if gone is not None and outbox in self._outboxes:
            self._lost[outbox] = self._lost.get(outbox, 0) + gone.lost
        self._outboxes.discard(outbox)

    def add_shared(self, group: str) -> None:
        self._disk.shared.setdefault(group, Fifo(self._capacity))
        self._shared.add(group)

    def remove_shared(self, group: str) -> None:
        self._disk.shared.pop(group, None)
        self._shared.discard(group)

    def set_capacity(self, size: int) -> None:
        self._capacity = size
        for worker in self._workers:
            for name in ("tasks", "results"):
                self._disk.workers[worker][name].capacity = size
        for inbox in self._inboxes:
            self._disk.inboxes[inbox].capacity = size
        for outbox in self._outboxes:
            self._disk.outboxes[outbox].capacity = size
        for group in self._shared:
            self._disk.shared[group].capacity = size

    def workers(self) -> frozenset[str]:
        return frozenset(self._disk.workers)

    def inboxes(self) -> frozenset[str]:
        return frozenset(self._disk.inboxes)

    def outboxes(self) -> frozenset[str]:
        return frozenset(self._disk.outboxes)

    def shared(self) -> frozenset[str]:
        return frozenset(self._disk.shared)

    def check(self) -> tuple[PipeTrouble, ...]:
        held: dict[PipeKind, set[str]] = {
            "worker": self._workers,
            "inbox": self._inboxes,
            "outbox": self._outboxes,
            "shared": self._shared,
        }
        found = tuple(t for t in self._found if t.owner in held[t.kind])
        self._found.clear()
        for trouble in found:
            if trouble.lost and trouble.kind == "worker":
                self._fifo(trouble.owner, _name_of(trouble)).deaf = True
        return found

    def problems(self) -> tuple[str, ...]:
        return tuple(self._problems)

    def send(self, worker: str, pipe: Literal["tasks", "control"], data: bytes) -> None:
        if worker not in self._workers:
            raise WorldError(f"nothing can be sent to {worker}: it has no FIFOs")
        self._fifo(worker, pipe).put(data)

    def take_back(self, worker: str) -> bytes:
        if worker not in self._workers:
            return b""
        fifo = self._fifo(worker, "tasks")
        unread = bytes(fifo.held + fifo.waiting)
        fifo.held.clear()
        fifo.waiting.clear()
        return unread

    def send_shared(self, group: str, data: bytes) -> None:
        if len(data) % RECORD:
            raise ValueError(f"{len(data)} bytes are no records of {RECORD}")
        if group not in self._shared:
            raise WorldError(f"nothing can be sent to {group}: it has no shared FIFO")
        self._disk.shared[group].put(data)

    def take_back_shared(self, group: str) -> bytes:
        if group not in self._shared:
            return b""
        fifo = self._disk.shared[group]
        unread = bytes(fifo.held + fifo.waiting)
        fifo.held.clear()
        fifo.waiting.clear()
        return unread

    def publish(self, outbox: str, lines: Sequence[bytes]) -> None:
        if outbox in self._outboxes:
            self._disk.outboxes[outbox].publish(lines)

    def lost(self) -> Mapping[str, int]:
        now = {n: self._disk.outboxes[n].lost + self._lost.get(n, 0) for n in self._outboxes}
        return self._lost | now

    def on_results(self, handler: Handler) -> None:
        self._results_handler = handler
        for worker in sorted(self._workers):
            self._wake_results(worker)

    def on_inbox(self, handler: Handler) -> None:
        self._inbox_handler = handler
        self.pause_inboxes(self._paused)

    def drain_results(self, worker: str) -> None:
        if worker in self._workers and self._results_handler is not None:
            _hand_on(self._fifo(worker, "results"), worker, self._results_handler)

    def pause_inboxes(self, paused: bool) -> None:
        self._paused = paused
        for inbox in sorted(self._inboxes):
            self._wake_lines(inbox)

    def pause_inbox(self, inbox: str, paused: bool) -> None:
        (self._paused_one.add if paused else self._paused_one.discard)(inbox)
        self._wake_lines(inbox)

    def close(self) -> None:
        self.closed = True
        fifos = [f for three in self._disk.workers.values() for f in three.values()]
        for fifo in (*fifos, *self._disk.shared.values()):
            fifo.waiting.clear()
        for names in (self._workers, self._inboxes, self._outboxes, self._shared):
            names.clear()

    # -------------------------------------------------------------------------- the other side

    def worker_reads(
        self, worker: str, n: int | None = None, pipe: Literal["tasks", "control"] = "tasks"
    ) -> bytes:
        """Up to `n` bytes, all there is without; b"" when the FIFO is empty or not the worker's own."""
        fifo = self._fifo(worker, pipe)
        if fifo.deaf:
            return b""
        data = bytearray()
        while n is None or len(data) < n:
            chunk = fifo.take(CHUNK if n is None else n - len(data))
            if not chunk:
                break
            data += chunk
        return bytes(data)

    def worker_writes(self, worker: str, data: bytes) -> None:
        """Into the results FIFO, however full: a real worker would block until it fits."""
        self._fifo(worker, "results").held += data
        self._wake_results(worker)

    def worker_reopens(self, worker: str) -> None:
        """The worker opens its FIFOs by name, as each new run does."""
        for fifo in self._disk.workers[worker].values():
            fifo.deaf = False

    def worker_of(self, run: str, default: str) -> str:
        """Where a run finds its FIFOs that may move."""
        return self._disk.links.get(run, default)

    def inbox_writes(self, inbox: str, data: bytes) -> None:
        self._disk.inboxes[inbox].held += data
        self._wake_lines(inbox)

    def group_reads(self, group: str) -> bytes:
        """One record of the FIFO that the group shares, whole; b"" when there is none."""
        fifo = self._disk.shared.get(group)
        return b"" if fifo is None else fifo.take(RECORD)

    def outbox_reads(self, outbox: str, n: int | None = None) -> bytes:
        """What is there, up to `n` bytes."""
        return self._disk.outboxes[outbox].take(CHUNK if n is None else n)

    # ------------------------------------------------------------------------------- accidents

    def fill(self, worker: str, pipe: Literal["tasks", "control"] = "tasks") -> None:
        """Somebody writes empty lines until the FIFO takes no more."""
        fifo = self._fifo(worker, pipe)
        fifo.held += b"\n" * (fifo.capacity - len(fifo.held))

    def damage(
        self,
        owner: str,
        pipe: PipeName | Literal["inbox", "outbox", "shared"] = "tasks",
        problem: PipeProblem = "missing",
        *,
        lost: bool = False,
    ) -> None:
        """Something happens to a FIFO's name, which the next `check` finds and puts right. `lost`: the second
        link is gone too, so a new FIFO is made and the present run does not hear us through it."""
        kinds: dict[str, PipeKind] = {"inbox": "inbox", "outbox": "outbox", "shared": "shared"}
        kind = kinds.get(pipe, "worker")
        names: dict[str, str] = {"worker": f"{owner}/{pipe}", "shared": f"{owner}.tasks"}
        path = f"/pipes/{names.get(kind, owner)}.pipe"
        self._found.append(PipeTrouble(path, problem, owner, lost, kind))

    def leave_file(self, worker: str) -> None:
        """Somebody keeps a file of his own in the worker's folder."""
        self._disk.foreign_files.add(worker)

    def complain(self, problem: str) -> None:
        self._problems.append(problem)

    def reopen(self) -> FakePipes:
        """The pipes of the next daemon, after this one died or was closed. What was still queued in the old
        one is gone."""
        self.close()
        return FakePipes(self._disk)

    # -------------------------------------------------------------------------------- delivery

    def _fifo(self, worker: str, pipe: str) -> Fifo:
        return self._disk.workers[worker][pipe]

    def _wake_results(self, worker: str) -> None:
        self._soon(lambda: self._deliver_results(worker))

    def _wake_lines(self, inbox: str) -> None:
        self._soon(lambda: self._deliver_lines(inbox))

    def _deliver_results(self, worker: str) -> None:
        if not self.closed:
            self.drain_results(worker)

    def _deliver_lines(self, inbox: str) -> None:
        handler = self._inbox_handler
        paused = self._paused or inbox in self._paused_one
        if inbox in self._inboxes and handler is not None and not paused:
            _hand_on(self._disk.inboxes[inbox], inbox, handler)

    @staticmethod
    def _soon(act: Callable[[], None]) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            act()
        else:
            loop.call_soon(act)


def _refuse_both(name: str, others: Mapping[str, object]) -> None:
    if name in others:
        raise WorldError(f"/pipes/{name}.pipe cannot be both an inbox and an outbox")


def _hand_on(fifo: Fifo, owner: str, handler: Handler) -> None:
    while fifo.held:
        handler(owner, fifo.take(CHUNK))


def _name_of(trouble: PipeTrouble) -> str:
    return trouble.path.rpartition("/")[2].removesuffix(".pipe")
