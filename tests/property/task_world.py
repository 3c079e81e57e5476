"""A world for the dispatcher: programs in panes, and a driver that keeps its promises.

Everything moves only when the test says so: what was written may not be durable, what was read may not be
delivered, what was sent may not be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from tests.property.task_ledger import Ledger
from tests.property.task_program import Program
from tests.unit.tasks.driver import read
from tmaxd.ports import Recovered
from tmaxd.tasks import events as ev
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.frames import Form, LineBuffer, ReadyFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Options
from tmaxd.testing.journal import FakeJournal

QUEUE_ITEMS, QUEUE_CHARS = 4, 300


class World:
    def __init__(self) -> None:
        self.now = 1000.0
        self.journal = FakeJournal(automatic=False)
        self.programs: dict[str, Program] = {}
        """By worker: the living ones."""
        self.all: dict[str, Program] = {}
        """By run."""
        self.runs = 0
        self.spool: dict[str, str] = {}
        self.ledger = Ledger(self.journal.disk)
        self.token = 0
        self.policies: Mapping[str, GroupPolicy] = {}
        self.dispatcher = self._boot(self.journal.disk.recover(), [])

    # --------------------------------------------------------------------------- the driver

    def _boot(self, found: Recovered, dead: Sequence[tuple[Program, bytes]]) -> Dispatcher:
        """A new daemon: `dead` are the runs that ended while there was none."""
        self.events: list[ev.Event] = []
        self.steps: deque[list[bool | Sequence[ev.Effect]]] = deque()
        self.queries: deque[tuple[ev.Query, float, int]] = deque()
        self.answers: list[ev.Event] = []
        self.buffers: dict[str, LineBuffer] = {}
        self.written = self.durable = 0
        self.dispatcher = Dispatcher(
            "/spool",
            found.next_id,
            found.next_send,
            queue_items=QUEUE_ITEMS,
            queue_chars=QUEUE_CHARS,
        )
        self.events += [
            ev.Groups(self.policies),
            ev.Counts(found.counts, found.lanes, found.next_due, found.next_expiry),
            ev.Restored(found.leases),
        ]
        for p in self.programs.values():
            p.life = 0  # the daemon's own count
            self.events.append(ev.Adopted(p.worker, p.group, p.run, p.window, p.form, p.batch))
        for program, unread in dead:
            self._frames(program, program.out)
            self.events.append(ev.Gone(program.worker, program.run, unread))
        known = {p.run for p in self.programs.values()} | {p.run for p, _ in dead}
        for run, worker in {lease.run: lease.worker for lease in found.leases}.items():
            if run not in known:
                self.events.append(ev.Gone(worker, run, b""))
        return self.dispatcher

    def step(self) -> None:
        events, self.events = self.events, []
        step = self.dispatcher.step(events, self.now)
        assert step.wake_at is None or step.wake_at > self.now
        entry: list[bool | Sequence[ev.Effect]] = [not step.records, step.effects]
        self.steps.append(entry)
        self.ledger.check(step.records, self.all, self.now)
        if step.records:
            self.written += 1

            def done(_: Exception | None) -> None:
                entry[0] = True
                self.durable += 1

            self.journal.put(step.records, done)
        for query in step.queries:
            self.queries.append((query, self.now, self.written))
        self._perform()

    def commit(self, batches: int | None = None) -> None:
        self.journal.commit(batches)
        self._perform()

    def _perform(self) -> None:
        while self.steps and self.steps[0][0]:
            for effect in self.steps.popleft()[1]:  # type: ignore[union-attr]
                self._effect(effect)

    def _effect(self, effect: ev.Effect) -> None:
        match effect:
            case ev.Send() | ev.Control():
                self._arrives(effect)
            case ev.Spool(task, path, payload):
                stored = self.journal.disk.entries[task].payload
                self.spool[path] = self.spool.get(path) or payload or stored
            case ev.Unspool(_, path):
                self.spool.pop(path, None)
            case ev.Accepted() | ev.Denied():
                self.ledger.answered(effect)
            case ev.Verdicts():
                self.ledger.told(effect)
            case ev.Ended():
                self.ledger.over(effect)

    def _arrives(self, effect: ev.Send | ev.Control) -> None:
        program = self.programs.get(effect.worker)
        if program is None or (program.run, program.life) != (effect.run, effect.life):
            return
        if isinstance(effect, ev.Send):
            program.repeated |= effect.data.startswith(b"\n")
            program.fifo += effect.data
        else:
            program.control += effect.data

    def look(self) -> None:
        """Do the oldest read, if all that was written before it was asked for is durable."""
        if self.queries and self.queries[0][2] <= self.durable:
            query, asked, _ = self.queries.popleft()
            self.answers.append(read(self.journal.disk, query, asked))

    def deliver(self, index: int, fails: bool = False) -> None:
        if self.answers:
            answer = self.answers.pop(index % len(self.answers))
            self.events.append(failed_read(answer) if fails else answer)

    def results(self, worker: str, size: int) -> None:
        program = self.programs.get(worker)
        if program is not None:
            data, program.out = program.out[:size], program.out[size:]
            self._frames(program, data)

    def _frames(self, program: Program, data: bytes) -> None:
        frames = self.buffers.setdefault(program.run, LineBuffer()).feed(data)
        assert not any(isinstance(frame, ReadyFrame) for frame in frames)
        if frames:
            self.events.append(ev.Frames(program.worker, program.run, tuple(frames)))

    # ------------------------------------------------------------------------- what people want

    def submit(
        self,
        groups: Sequence[str],
        payloads: Sequence[str],
        max_queue: int | None = None,
        **options: Any,
    ) -> None:
        self.token += 1
        submit = ev.Submit(self.token, tuple(groups), payloads, Options(**options), max_queue)
        self.ledger.submits[self.token] = submit
        self.events.append(submit)

    def cancel(self, ids: Sequence[int]) -> None:
        self.token += 1
        self.ledger.orders[self.token] = ids
        self.events.append(ev.Cancel(self.token, ids))

    def retry(self, ids: Sequence[int]) -> None:
        self.token += 1
        self.ledger.orders[self.token] = ids
        self.events.append(ev.Retry(self.token, ids))

    # --------------------------------------------------------------------------- the faults

    def start(self, worker: str, form: Form, window: int, says: bool, batch: bool = False) -> None:
        if worker not in self.programs:
            self.runs += 1
            program = Program(self, worker, f"run{self.runs}", form, window, says, batch)
            self.programs[worker] = self.all[program.run] = program
            self._ready(program)

    def _ready(self, program: Program) -> None:
        p = program
        self.events.append(ev.Ready(p.worker, p.group, p.run, p.window, p.form, p.life, p.batch))

    def begin_anew(self, worker: str) -> None:
        """The program restarts inside its pane; the driver empties its FIFO before it reads."""
        program = self.programs.get(worker)
        if program is not None:
            self.results(worker, len(program.out))
            program.held, program.results, program.fifo = {}, {}, b""
            program.unwanted = set()
            program.asked = program.window
            program.life += 1
            self._ready(program)

    def kill(self, worker: str, torn: int) -> tuple[Program, bytes] | None:
        """It dies; `torn` bytes of what it had not read are gone with it."""
        program = self.programs.pop(worker, None)
        if program is None:
            return None
        unread, program.fifo, program.held = program.fifo[torn:], b"", {}
        return program, unread

    def bury(self, dead: tuple[Program, bytes] | None, excused: bool = False) -> None:
        if dead is not None:
            program, unread = dead
            self._frames(program, program.out)
            self.events.append(ev.Gone(program.worker, program.run, unread, excused))

    def plan(self) -> None:
        """End the runs that are not to be trusted any more."""
        for load in self.dispatcher.loads(self.now):
            if load.overdue or load.silent:
                self.bury(self.kill(load.worker, 0))

    def crash(self, dying: Sequence[str]) -> None:
        """The daemon dies, and these workers while it is away; a new daemon comes."""
        found = self.journal.crash()
        self.ledger.forget()
        dead = [pair for pair in (self.kill(worker, 0) for worker in dying) if pair]
        self._boot(found, dead)

    # ------------------------------------------------------------------------------ the end

    def drain(self) -> None:
        """No more faults: everything accepted must end."""
        for _ in range(400):
            waiting = self.events or self.steps or self.ledger.orders
            if self.ledger.all_is_over() and not waiting:
                break
            for program in self.programs.values():
                program.read(100)
                program.obey()
                for _ in range(len(program.held)):
                    program.begin(0)
                for _ in range(len(program.held)):
                    program.finish(0, "done")
                program.beat()
                self.results(program.worker, len(program.out))
            self.now += 5.0
            self.step()
            self.commit()
            while self.queries:
                self.look()
            while self.answers:
                self.deliver(0)
        self.step()
        self.commit()
        self.ledger.close()


def failed_read(answer: ev.Event) -> ev.Event:
    match answer:
        case ev.Loaded(group, priority):
            return ev.Loaded(group, priority, None)
        case ev.DueLoaded(group):
            return ev.DueLoaded(group, None)
        case ev.ExpiredLoaded(group):
            return ev.ExpiredLoaded(group, None)
        case ev.TasksFound(token):
            return ev.TasksFound(token, None)
        case ev.KeyFound(token):
            return ev.KeyFound(token, None, failed=True)
    raise AssertionError(answer)
