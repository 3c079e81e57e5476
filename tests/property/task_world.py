"""A world for the dispatcher: programs in panes, and a driver that keeps its promises.

Everything moves only when the test says so: what was written may not be durable, what was read may not be
delivered, what was sent may not be read.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import msgspec

from tests.property.task_program import Program
from tmaxd.ports import Recovered
from tmaxd.tasks import events as ev
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.frames import Form, LineBuffer, ReadyFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Page, Requeued, TaskRecord
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
        self.accepted: set[int] = set()
        self.ended: dict[int, str] = {}
        self.tokens: dict[int, Sequence[str]] = {}
        """Submits that are not answered."""
        self.token = 0
        self.policies: Mapping[str, GroupPolicy] = {}
        self.dispatcher = self._boot(self.journal.disk.recover(), [])

    # --------------------------------------------------------------------------- the driver

    def _boot(self, found: Recovered, dead: Sequence[tuple[Program, bytes]]) -> Dispatcher:
        """A new daemon: `dead` are the runs that ended while there was none."""
        self.events: list[ev.Event] = []
        self.steps: deque[list[bool | Sequence[ev.Effect]]] = deque()
        self.queries: deque[tuple[ev.Query, float, int]] = deque()
        self.answers: list[ev.Loaded | ev.DueLoaded] = []
        self.buffers: dict[str, LineBuffer] = {}
        self.written = self.durable = 0
        self.dispatcher = Dispatcher(
            "/spool", found.next_id, queue_items=QUEUE_ITEMS, queue_chars=QUEUE_CHARS
        )
        self.events += [ev.Groups(self.policies), ev.Counts(found.counts, found.next_due)]
        self.events.append(ev.Restored(found.leases))
        for program in self.programs.values():
            program.life = 0  # the daemon's own count
            program.adopted = True
            self.events.append(
                ev.Adopted(program.worker, program.group, program.run, program.window, program.form)
            )
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
        self._check_unsent(step.records)
        if step.records:
            self.written += 1

            def done(_: Exception | None) -> None:
                entry[0] = True
                self.durable += 1

            self.journal.put(step.records, done)
        for query in step.queries:
            self.queries.append((query, self.now, self.written))
        self._perform()

    def _check_unsent(self, records: Sequence[TaskRecord]) -> None:
        """What a run began is never called unsent. (An adopted run may have begun the first of two frames
        and left the second unread, which nobody can tell.)"""
        for record in records:
            if isinstance(record, Requeued) and record.outcome == "unsent":
                program = self.all[record.run]
                assert program.adopted or (record.id, record.attempt) not in program.begun

    def commit(self, batches: int | None = None) -> None:
        self.journal.commit(batches)
        self._perform()

    def _perform(self) -> None:
        while self.steps and self.steps[0][0]:
            for effect in self.steps.popleft()[1]:  # type: ignore[union-attr]
                self._effect(effect)

    def _effect(self, effect: ev.Effect) -> None:
        entries = self.journal.disk.entries
        match effect:
            case ev.Send(worker, run, data, life):
                program = self.programs.get(worker)
                if program is not None and (program.run, program.life) == (run, life):
                    program.fifo += data
            case ev.Spool(task, path, payload):
                self.spool[path] = self.spool.get(path) or payload or entries[task].payload
            case ev.Unspool(_, path):
                self.spool.pop(path, None)
            case ev.Accepted(token, first, count):
                ids = range(first, first + count)
                assert [entries[task].payload for task in ids] == list(self.tokens.pop(token))
                self.accepted.update(ids)
            case ev.Denied(token, reason):
                assert reason == "unknown_group"
                del self.tokens[token]
            case ev.Ended(tasks):
                for task, state in tasks:
                    assert task not in self.ended, f"task {task} ended twice"
                    assert entries[task].row.state == state
                    assert state == "dead" or entries[task].result == f"ok {task}"
                    self.ended[task] = state

    def look(self) -> None:
        """Do the oldest read, if all that was written before it was asked for is durable."""
        if self.queries and self.queries[0][2] <= self.durable:
            query, asked, _ = self.queries.popleft()
            disk = self.journal.disk
            if isinstance(query, ev.LoadPage):
                page = disk.page(query.group, query.after, query.limit)
                self.answers.append(ev.Loaded(query.group, page))
            else:
                page = disk.due(query.group, asked, query.limit)
                self.answers.append(ev.DueLoaded(query.group, page))

    def deliver(self, index: int, failed: bool = False) -> None:
        if self.answers:
            answer = self.answers.pop(index % len(self.answers))
            page: Page | None = None if failed else answer.page
            self.events.append(msgspec.structs.replace(answer, page=page))

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

    # --------------------------------------------------------------------------- the faults

    def submit(self, group: str, payloads: Sequence[str]) -> None:
        self.token += 1
        self.tokens[self.token] = payloads
        self.events.append(ev.Submit(self.token, group, payloads))

    def start(self, worker: str, form: Form, window: int, says: bool) -> None:
        if worker not in self.programs:
            self.runs += 1
            program = Program(self, worker, f"run{self.runs}", form, window, says)
            self.programs[worker] = self.all[program.run] = program
            self._ready(program)

    def _ready(self, program: Program) -> None:
        p = program
        self.events.append(ev.Ready(p.worker, p.group, p.run, p.window, p.form, p.life))

    def begin_anew(self, worker: str) -> None:
        """The program restarts inside its pane; the driver empties its FIFO before it reads."""
        program = self.programs.get(worker)
        if program is not None:
            self.results(worker, len(program.out))
            program.held, program.results, program.fifo = {}, {}, b""
            program.life += 1
            self._ready(program)

    def kill(self, worker: str, torn: int) -> tuple[Program, bytes] | None:
        """It dies; `torn` bytes of what it had not read are gone with it."""
        program = self.programs.pop(worker, None)
        if program is None:
            return None
        unread, program.fifo, program.held = program.fifo[torn:], b"", {}
        return program, unread

    def bury(self, dead: tuple[Program, bytes] | None) -> None:
        if dead is not None:
            program, unread = dead
            self._frames(program, program.out)
            self.events.append(ev.Gone(program.worker, program.run, unread))

    def crash(self, dying: Sequence[str]) -> None:
        """The daemon dies, and these workers while it is away; a new daemon comes."""
        found = self.journal.crash()
        self.tokens.clear()
        dead = [pair for pair in (self.kill(worker, 0) for worker in dying) if pair]
        self._boot(found, dead)

    # ------------------------------------------------------------------------------ the end

    def drain(self) -> None:
        """No more faults: everything accepted must end."""
        for _ in range(400):
            over = all(e.row.state in ("done", "dead") for e in self.journal.disk.entries.values())
            if over and not self.events and not self.steps:
                break
            for program in self.programs.values():
                program.read(100)
                for _ in range(len(program.held)):
                    program.begin(0)
                for _ in range(len(program.held)):
                    program.finish(0, "done")
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
        for task in self.accepted:
            state = self.journal.disk.entries[task].row.state
            assert state in ("done", "dead"), f"task {task} stays {state}"
