"""`FakeWorkers`: the programs inside the fake panes. Those of `task:` groups speak the TSV form of the protocol and run
one task at a time; those of `serve:` groups the JSON form, in batches, several at once. They write
down what they did: the ledger that no journal can talk itself out of."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from tmaxd.ports import Launch
from tmaxd.testing.pipes import FakePipes

Key = tuple[int, int]
"""Task id and attempt."""

BATCH_WINDOW = 4
"""Tasks at once of a worker that speaks JSON, where the group does not say."""


@dataclass
class FakeWorker:
    worker: str
    run: str
    json: bool = False
    window: int = 1
    group: str = ""
    """That whose shared FIFO it pulls from; empty where it has its own."""
    paused: bool = False
    rest: bytes = b""
    held: list[Key] = field(default_factory=list)
    running: list[Key] = field(default_factory=list)
    remembered: dict[Key, bytes] = field(default_factory=dict)
    """Its latest answers, twice as many as its window."""

    def ready(self, kind: str = "ready", number: int | None = None) -> bytes:
        if not self.json:
            tail = "" if number is None else f"\t{number}"
            return f"{kind}\t1\t{self.window}{tail}\n".encode()
        tail_too = {} if number is None else {"number": number}
        return _line({"t": kind, "v": 1, "window": self.window, "batch": True, **tail_too})

    def started(self, keys: list[Key]) -> bytes:
        if not keys:
            return b""
        if self.json:
            return _line({"t": "begun", "tasks": keys})
        return b"".join(b"started\t%d\t%d\n" % key for key in keys)

    def again(self) -> bytes:
        """All that it holds and remembers."""
        return self.started(self.running) + b"".join(self.remembered.values())


class FakeWorkers:
    def __init__(self, pipes: FakePipes) -> None:
        self.pipes = pipes
        """Those of the present daemon; replace them with the next one's."""
        self.living: dict[int, FakeWorker] = {}
        """By pid."""
        self.begun: Counter[int] = Counter()
        self.finished: Counter[int] = Counter()
        """How often each task was begun and finished, by id."""
        self.deaf: set[str] = set()
        """Workers that do not look at what they are sent, as a program does that hangs."""

    def on_spawn(self, pid: int, launch: Launch) -> None:
        kind = launch.labels.fingerprint.partition(":")[0]
        if kind == "run":
            return  # it takes no tasks
        serves = kind == "serve"
        window = int(launch.env.get("TMAX_WINDOW", BATCH_WINDOW if serves else 1))
        group = launch.labels.worker.rpartition("-")[0] if "TMAX_TASKS" in launch.env else ""
        worker = FakeWorker(launch.labels.worker, launch.labels.run, serves, window, group)
        self.living[pid] = worker
        self._say(worker, b"\n" + worker.ready())

    def on_death(self, pid: int) -> None:
        self.living.pop(pid, None)

    def at_once(self) -> Counter[int]:
        """Task id to how many living workers run it at this moment."""
        return Counter(task for w in self.living.values() for task, _ in w.running)

    def read(self) -> None:
        """Every worker reads what stands in its FIFOs, and begins what it has room for."""
        for worker in self.living.values():
            if self._follow(worker) not in self.deaf:
                self._read(worker)

    def finish(self, ok: bool = True) -> None:
        """Every worker ends the tasks that it runs."""
        for worker in self.living.values():
            if worker.worker not in self.deaf:
                self._end(worker, ok)

    def beat(self) -> None:
        """Every worker says that it is alive."""
        for worker in self.living.values():
            if worker.worker not in self.deaf:
                self._say(worker, worker.ready("heartbeat"))

    def begin_anew(self, name: str) -> None:
        """The program restarts inside its pane: the process stays, what it knew is gone."""
        for pid, old in self.living.items():
            if old.worker == name:
                new = FakeWorker(old.worker, old.run, old.json, old.window, old.group)
                self.living[pid] = new
                self._say(new, b"\n" + new.ready())

    def take_in_silence(self, name: str) -> None:
        """It takes a record of the shared FIFO and does not come to say so."""
        for worker in self.living.values():
            if worker.worker == name and worker.group and not worker.paused:
                self.pipes.group_reads(worker.group)

    # -------------------------------------------------------------------------------- reading

    def _read(self, worker: FakeWorker) -> None:
        for line in self.pipes.worker_reads(worker.worker, pipe="control").split(b"\n"):
            self._obey(worker, line)
        data = worker.rest + self.pipes.worker_reads(worker.worker)
        *lines, worker.rest = data.split(b"\n")
        for line in lines:
            for key in _tasks_in(_frame(line, worker.json)):
                self._take(worker, key)
        self._begin(worker)
        if worker.group:
            self._pull(worker)

    def _pull(self, worker: FakeWorker) -> None:
        """Record by record, and none that cannot begin at once."""
        while not worker.paused and len(worker.running) < worker.window:
            record = self.pipes.group_reads(worker.group)
            if not record:
                return
            for line in record.split(b"\n"):
                for key in _tasks_in(_frame(line, worker.json)):
                    self._take(worker, key)
                    self._begin(worker)

    def _obey(self, worker: FakeWorker, line: bytes) -> None:
        frame = _frame(line, worker.json)
        if frame.get("t") == "ping":
            number = frame.get("number")
            again = b"" if number is None else worker.again()
            self._say(worker, again + worker.ready("heartbeat", number))
        elif frame.get("t") in ("pause", "resume"):
            worker.paused = frame["t"] == "pause"
        elif frame.get("t") == "cancel":
            key = (frame["id"], frame["attempt"])
            if key in worker.held or key in worker.running:
                self._answer(worker, key, _failed(worker, key, "cancelled"))

    def _take(self, worker: FakeWorker, key: Key) -> None:
        if key in worker.remembered:
            self._say(worker, worker.remembered[key])
        elif key not in worker.running and key not in worker.held:
            worker.held.append(key)

    def _begin(self, worker: FakeWorker) -> None:
        room = worker.window - len(worker.running)
        begun, worker.held = worker.held[:room], worker.held[room:]
        if not begun:
            return
        worker.running += begun
        self.begun.update(task for task, _ in begun)
        self._say(worker, worker.started(begun))

    # ------------------------------------------------------------------------------- answering

    def _end(self, worker: FakeWorker, ok: bool) -> None:
        ended, together = list(worker.running), ok and worker.json
        for key in ended:
            line = _done(worker, key) if ok else _failed(worker, key, "failed")
            self._answer(worker, key, line, say=not together)
        if ok:
            self.finished.update(task for task, _ in ended)
        if together and ended:
            rows = [[task, attempt, "ok"] for task, attempt in ended]
            self._say(worker, _line({"t": "results", "tasks": rows}))

    def _answer(self, worker: FakeWorker, key: Key, line: bytes, say: bool = True) -> None:
        for keys in (worker.held, worker.running):
            if key in keys:
                keys.remove(key)
        worker.remembered[key] = line
        while len(worker.remembered) > 2 * worker.window:
            del worker.remembered[next(iter(worker.remembered))]
        if say:
            self._say(worker, line)

    def _say(self, worker: FakeWorker, data: bytes) -> None:
        self.pipes.worker_writes(self._follow(worker), data)

    def _follow(self, worker: FakeWorker) -> str:
        """Its name: one that was a spare has another now, and finds its FIFOs all the same."""
        worker.worker = self.pipes.worker_of(worker.run, worker.worker)
        return worker.worker


def _done(worker: FakeWorker, key: Key) -> bytes:
    if not worker.json:
        return b"done\t%d\t%d\tok\n" % key
    return _line({"t": "done", "id": key[0], "attempt": key[1], "result": "ok"})


def _failed(worker: FakeWorker, key: Key, outcome: str) -> bytes:
    if not worker.json:
        return b"failed\t%d\t%d\t%b\tno\n" % (*key, outcome.encode())
    words = {"t": "failed", "id": key[0], "attempt": key[1], "outcome": outcome, "error": "no"}
    return _line(words)


def _line(frame: dict[str, object]) -> bytes:
    return json.dumps(frame).encode() + b"\n"


def _frame(line: bytes, as_json: bool) -> dict[str, Any]:
    """What a line says; nothing where it is in the other form, or torn."""
    if (line[:1] == b"{") != as_json:
        return {}
    try:
        if as_json:
            return dict(json.loads(line))
        kind, *fields = line.decode().split("\t")
        if kind in ("task", "task_file", "cancel"):
            return {"t": kind, "id": int(fields[0]), "attempt": int(fields[1])}
        if kind == "ping" and fields:
            return {"t": kind, "number": int(fields[0])}
    except (ValueError, IndexError):
        return {}
    return {"t": kind}


def _tasks_in(frame: dict[str, Any]) -> list[Key]:
    match frame.get("t"):
        case "tasks":
            return [(task, attempt) for task, attempt, *_ in frame["tasks"]]
        case "task" | "task_file":
            return [(frame["id"], frame["attempt"])]
        case _:
            return []
