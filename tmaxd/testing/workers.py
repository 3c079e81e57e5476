"""`FakeWorkers`: the programs inside the fake panes. They speak the TSV form of the protocol, one task at a time,
and write down what they did: the ledger that no journal can talk itself out of."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from tmaxd.ports import Launch
from tmaxd.testing.pipes import FakePipes

Key = tuple[int, int]
"""Task id and attempt."""


@dataclass
class FakeWorker:
    worker: str
    run: str
    rest: bytes = b""
    held: list[Key] = field(default_factory=list)
    running: Key | None = None
    remembered: dict[Key, bytes] = field(default_factory=dict)


class FakeWorkers:
    def __init__(self, pipes: FakePipes) -> None:
        self.pipes = pipes
        """Those of the present daemon; replace them with the next one's."""
        self.living: dict[int, FakeWorker] = {}
        """By pid."""
        self.begun: Counter[int] = Counter()
        self.finished: Counter[int] = Counter()
        """How often each task was begun and finished, by id."""

    def on_spawn(self, pid: int, launch: Launch) -> None:
        if launch.argv[0] != "bash":
            return  # it takes no tasks
        self.living[pid] = FakeWorker(launch.labels.worker, launch.labels.run)
        self.pipes.worker_writes(launch.labels.worker, b"\nready\t1\t1\n")

    def on_death(self, pid: int) -> None:
        self.living.pop(pid, None)

    def at_once(self) -> Counter[int]:
        """Task id to how many living workers run it at this moment."""
        return Counter(w.running[0] for w in self.living.values() if w.running is not None)

    def read(self) -> None:
        """Every worker reads what stands in its FIFO, and begins its next task if it has none."""
        for worker in self.living.values():
            if b"ping\n" in self.pipes.worker_reads(worker.worker, pipe="control"):
                self.pipes.worker_writes(worker.worker, b"heartbeat\t1\t1\n")
            data = worker.rest + self.pipes.worker_reads(worker.worker)
            *lines, worker.rest = data.split(b"\n")
            for line in lines:
                self._take(worker, line)
            self._begin(worker)

    def finish(self, ok: bool = True) -> None:
        """Every worker that runs a task ends it."""
        for worker in self.living.values():
            if worker.running is not None:
                self._end(worker, worker.running, ok)

    def begin_anew(self, name: str) -> None:
        """The program restarts inside its pane: the process stays, what it knew is gone."""
        for pid, worker in self.living.items():
            if worker.worker == name:
                self.living[pid] = FakeWorker(worker.worker, worker.run)
                self.pipes.worker_writes(name, b"\nready\t1\t1\n")

    def _take(self, worker: FakeWorker, line: bytes) -> None:
        if not line.startswith(b"task\t"):
            return
        _, task, attempt, _ = line.split(b"\t", 3)
        key = (int(task), int(attempt))
        if key in worker.remembered:
            self.pipes.worker_writes(worker.worker, worker.remembered[key])
        elif key != worker.running and key not in worker.held:
            worker.held.append(key)

    def _begin(self, worker: FakeWorker) -> None:
        if worker.running is None and worker.held:
            worker.running = worker.held.pop(0)
            self.begun[worker.running[0]] += 1
            self.pipes.worker_writes(worker.worker, b"started\t%d\t%d\n" % worker.running)

    def _end(self, worker: FakeWorker, key: Key, ok: bool) -> None:
        line = b"done\t%d\t%d\tok\n" % key if ok else b"failed\t%d\t%d\tfailed\tno\n" % key
        worker.remembered = {key: line}
        worker.running = None
        if ok:
            self.finished[key[0]] += 1
        self.pipes.worker_writes(worker.worker, line)
