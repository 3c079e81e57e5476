"""A world around `SharedFifo`: a FIFO, workers that take records one by one, a disk, and a small dispatcher that uses
the machine as the real one does. Everything can stop or die between any two moves, and it watches the two promises:
no task is with two living workers at once, and a task's end is written once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from tmaxd.tasks.frames import Form
from tmaxd.tasks.records import Assigned, Delivered
from tmaxd.tasks.shared import SharedFifo
from tmaxd.tasks.shared_moves import Moves
from tmaxd.tasks.task import Task

Key = tuple[int, int]
Event = tuple[Any, ...]


@dataclass
class Worker:
    """One run: a program that obeys the protocol. `taken` is a record it has read and not yet spoken of."""

    run: str
    form: Form
    alive: bool = True
    said_ready: bool = False
    taken: Key | None = None
    held: list[Key] = field(default_factory=list)
    finished: list[Key] = field(default_factory=list)
    results: deque[Event] = field(default_factory=deque)
    control: deque[int] = field(default_factory=deque)

    @property
    def busy(self) -> set[int]:
        return {task for task, _ in [*self.held, *([self.taken] if self.taken else [])]}

    def say_ready(self) -> None:
        self.said_ready = True
        self.results.append(("ready", self.run, self.form))

    def begin_anew(self) -> None:
        self.taken = None
        self.held, self.finished = [], []
        self.say_ready()

    def say_started(self) -> None:
        assert self.taken is not None
        self.held.append(self.taken)
        self.results.append(("started", self.run, *self.taken))
        self.taken = None

    def finish(self, place: int) -> None:
        key = self.held.pop(place % len(self.held))
        self.finished.append(key)
        self.results.append(("done", self.run, *key))

    def beat(self) -> None:
        """A heartbeat that nobody asked for."""
        self.results.append(("beat", self.run, 0, self.form))

    def hear(self) -> None:
        number = self.control.popleft()
        self.results.extend(("started", self.run, *key) for key in self.held)
        self.results.extend(("done", self.run, *key) for key in self.finished)
        self.results.append(("beat", self.run, number, self.form))


@dataclass
class Row:
    spent: int = 0
    end: str | None = None


@dataclass
class Disk:
    rows: dict[int, Row] = field(default_factory=dict)
    sends: dict[int, tuple[Key, ...]] = field(default_factory=dict)
    ready: dict[str, bool] = field(default_factory=dict)
    """The runs whose end is not recorded, and whether they said they were ready."""
    next_send: int = 1

    def apply(self, records: Iterable[Any]) -> None:
        for record in records:
            if isinstance(record, Assigned):
                assert (record.worker, record.run) == ("", "")
                self.sends[record.send] = tuple(zip(record.ids, record.attempts, strict=True))
                self.next_send = max(self.next_send, record.send + 1)
            elif isinstance(record, Delivered):
                for send in record.sends:
                    del self.sends[send]
            else:
                self._apply(*record)

    def _apply(self, kind: str, name: Any, what: Any) -> None:
        if kind == "submitted":
            self.rows[name] = Row()
        elif kind == "run":
            if what is None:
                self.ready.pop(name)
            else:
                self.ready[name] = what
        elif kind == "requeued":
            assert self.rows[name].end is None
            self.rows[name].spent = what
        else:
            assert self.rows[name].end is None, f"task {name} ended twice"
            self.rows[name].end = what

    def leases(self) -> dict[Key, int]:
        """What is leased: at most one lease of a task holds."""
        found: dict[Key, int] = {}
        for send, keys in self.sends.items():
            for task, attempt in keys:
                row = self.rows[task]
                if row.end is None and row.spent == attempt - 1:
                    assert (task, attempt) not in found, f"task {task} is leased twice"
                    found[task, attempt] = send
        return found


@dataclass
class Life:
    worker: str
    ready: bool = False
    window: int = 0
    form: Form | None = None
    leases: dict[int, Task] = field(default_factory=dict)


class Daemon:
    """As much of the dispatcher and its driver as the machine needs."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.events: deque[Event] = deque()
        self.pending: deque[tuple[list[Any], list[Event]]] = deque()
        self.shared = SharedFifo("g")
        self.lives: dict[str, Life] = {}
        self.queue: list[Task] = []
        self.next_send = world.disk.next_send
        self._records: list[Any] = []
        self._restore()

    def _restore(self) -> None:
        disk = self.world.disk
        leases = disk.leases()
        for (task, attempt), send in leases.items():
            self.shared.restored(Task(task, "", 0.0, attempt, send=send))
        # A send of which nothing holds any more is left behind; the journal sweeps it when it opens.
        for send in set(disk.sends) - set(leases.values()):
            del disk.sends[send]
        leased = {task for task, _ in leases}
        for task, row in sorted(disk.rows.items()):
            if row.end is None and task not in leased:
                self.queue.append(Task(task, "", 0.0, row.spent + 1))
        for run, ready in disk.ready.items():
            self.lives[run] = Life(run)
            self.shared.joined(run, run)
            if ready:
                self.events.append(("adopted", run, self.world.workers[run].form))

    # ------------------------------------------------------------------------------ the step

    def step(self, count: int) -> None:
        self._records = []
        for _ in range(min(count, len(self.events))):
            kind, *event = self.events.popleft()
            handler: Callable[..., None] = getattr(self, f"_on_{kind}")
            handler(*event)
        moves = self.shared.moves(self.lives.values(), self.world.open)
        self._ends(moves)
        self._records += self.shared.leases.records(self._send)
        form = next((life.form for life in self.lives.values() if life.ready), None)
        effects: list[Event] = [("write", task.id, task.attempt, form) for task in moves.again]
        effects += [("ask", run, moves.number) for _, run in moves.ask]
        effects += self._assign(form)
        if moves.take_back:
            effects.append(("take_back",))
        self.pending.append((self._records, effects))

    def _send(self) -> int:
        self.next_send += 1
        return self.next_send - 1

    def _assign(self, form: Form | None) -> list[Event]:
        room = self.shared.room(self.lives.values()) if self.world.open else 0
        tasks, self.queue = self.queue[:room], self.queue[room:]
        if not tasks or form is None:
            return []
        send = self._send()
        for task in tasks:
            task.send, task.sent = send, self.world.now
        ids, attempts = [task.id for task in tasks], [task.attempt for task in tasks]
        self._records.append(Assigned(send, "g", "", "", ids, attempts, self.world.now))
        self.shared.assigned(tasks, form)
        return [("write", task.id, task.attempt, form) for task in tasks]

    def _ends(self, moves: Moves) -> None:
        for task, death in moves.lost:
            self._requeue(task, anew=not death.excused)
        for task in moves.missing:
            self._requeue(task, anew=True)
        for task in moves.cancelled:
            self.shared.leases.over(task)
            self._records.append(("ended", task.id, "cancelled"))
        for task in moves.returned:
            self._requeue(task, anew=False)

    def _requeue(self, task: Task, anew: bool) -> None:
        """`anew`: with a number of its own."""
        if anew:
            self.shared.leases.over(task)
            self._records.append(("requeued", task.id, task.attempt))
            task.attempt += 1
        else:
            self.shared.leases.undo(task)
        self.queue.insert(0, task)

    # ---------------------------------------------------------------------------- the events

    def _on_submit(self, task: int) -> None:
        self._records.append(("submitted", task, None))
        self.queue.append(Task(task, "", 0.0))

    def _on_cancel(self, task: int) -> None:
        for waiting in self.queue:
            if waiting.id == task:
                self.queue.remove(waiting)
                self._records.append(("ended", task, "cancelled"))
                return
        self.shared.cancel(task)

    def _on_adopted(self, run: str, form: Form) -> None:
        life = self.lives[run]
        if not life.ready:
            life.ready, life.window, life.form = True, 2, form
            self._records.append(("run", run, True))
            self.shared.joined(run, run)

    def _on_ready(self, run: str, form: Form) -> None:
        life = self.lives.setdefault(run, Life(run))
        if life.ready:
            self._lose(run, excused=False)
        life.ready, life.window, life.form = True, 2, form
        self._records.append(("run", run, True))
        self.shared.joined(run, run)

    def _on_started(self, run: str, task: int, attempt: int) -> None:
        life = self.lives[run]
        if task not in life.leases:
            claim = self.shared.claim(task, attempt)
            if claim is not None:
                life.leases[task] = claim[0]

    def _on_done(self, run: str, task: int, attempt: int) -> None:
        self._on_started(run, task, attempt)
        held = self.lives[run].leases.get(task)
        if held is not None and held.attempt == attempt:
            del self.lives[run].leases[task]
            self.shared.leases.over(held)
            self._records.append(("ended", task, "done"))

    def _on_beat(self, run: str, number: int, form: Form) -> None:
        self._on_adopted(run, form)
        self.shared.answered(run, number)

    def _on_gone(self, run: str, excused: bool) -> None:
        if run in self.lives:
            self._lose(run, excused)
            del self.lives[run]
        self._records.append(("run", run, None))

    def _lose(self, run: str, excused: bool) -> None:
        for task in self.lives[run].leases.values():
            self._requeue(task, anew=not excused)
        self.lives[run].leases = {}
        self.shared.left(run, run, excused, self.world.now)

    def _on_taken_back(self, unread: frozenset[Key]) -> None:
        self.shared.taken_back(unread, self.world.now)

    # ---------------------------------------------------------------------------- the driver

    def commit(self, effects: bool = True) -> None:
        """The oldest step reaches the disk, and its effects follow, unless the daemon dies between the two."""
        records, wanted = self.pending.popleft()
        self.world.disk.apply(records)
        for kind, *effect in wanted if effects else ():
            if kind == "write":
                self.world.fifo.append((effect[0], effect[1], effect[2]))
            elif kind == "ask":
                self.world.workers[effect[0]].control.append(effect[1])
            else:
                self._take_back()

    def _take_back(self) -> None:
        unread = frozenset((task, attempt) for task, attempt, _ in self.world.fifo)
        self.world.fifo.clear()
        for worker in self.world.workers.values():
            if worker.alive:
                self.listen(worker)
        self.events.append(("taken_back", unread))

    def listen(self, worker: Worker) -> None:
        self.events.extend(worker.results)
        worker.results.clear()


class World:
    def __init__(self) -> None:
        self.now = 1.0
        self.fifo: deque[tuple[int, int, Form]] = deque()
        self.workers: dict[str, Worker] = {}
        self.noticed: set[str] = set()
        self.disk = Disk()
        self.open = True
        self.tasks = 0
        self.daemon: Daemon | None = None
        self.restart()

    # ---------------------------------------------------------------------------- the daemon

    def restart(self) -> None:
        self.daemon = Daemon(self)
        self.noticed = {run for run in self.noticed if run not in self.disk.ready}

    def crash(self, written: bool) -> None:
        """All it had heard and not written is gone. `written`: its oldest step reached the disk, but nobody else."""
        assert self.daemon is not None
        if written and self.daemon.pending:
            self.daemon.commit(effects=False)
        self.daemon = None
        for worker in self.workers.values():
            if not worker.alive:
                worker.results.clear()  # nobody holds its FIFO open any more
        if not any(worker.alive for worker in self.workers.values()):
            self.fifo.clear()

    def submit(self) -> None:
        assert self.daemon is not None
        self.tasks += 1
        self.daemon.events.append(("submit", self.tasks))

    def notice(self, worker: Worker, excused: bool) -> None:
        """The daemon is certain that the run is dead."""
        assert self.daemon is not None
        self.noticed.add(worker.run)
        self.daemon.listen(worker)
        self.daemon.events.append(("gone", worker.run, excused))

    # --------------------------------------------------------------------------- the workers

    def start(self, form: Form) -> Worker:
        """Its start is on disk before it runs."""
        worker = Worker(f"r{len(self.workers) + 1}", form)
        self.workers[worker.run] = worker
        self.disk.ready[worker.run] = False
        return worker

    def go_on(self, worker: Worker, place: int) -> None:
        """The worker does what comes next; nothing comes between taking a record and saying so."""
        if not worker.said_ready:
            worker.say_ready()
        elif worker.taken:
            worker.say_started()
        elif worker.control and place % 2:
            worker.hear()
        elif self.fifo and (not worker.held or place % 4 == 0):
            self.take(worker)
        elif worker.held:
            worker.finish(place)
        elif worker.control:
            worker.hear()

    def take(self, worker: Worker) -> None:
        task, attempt, form = self.fifo.popleft()
        if form != worker.form:
            return  # it cannot read this
        for other in self.workers.values():
            if other.alive:
                assert task not in other.busy, f"task {task} is with {other.run} already"
                assert (task, attempt) not in other.finished, f"task {task} is done already"
        worker.taken = (task, attempt)
