"""The queue and its two cursors against a disk of one dictionary: no task twice in memory, none forgotten."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tmaxd.tasks import queue as module
from tmaxd.tasks.queue import Task, TaskQueue
from tmaxd.tasks.records import Page, Queued

ANY = st.integers(0, 7)


class QueueMachine(RuleBasedStateMachine):
    """`disk` has the state and the due time of each task; what a rule does is durable at once. A read is
    asked for, done, and answered at three different times."""

    def __init__(self) -> None:
        super().__init__()
        self._front_items = module.FRONT_ITEMS
        module.FRONT_ITEMS = 2
        self.now = 100.0
        self.disk: dict[int, tuple[str, float]] = {}
        self.flight: dict[int, Task] = {}
        self.begin()

    def begin(self) -> None:
        self.queue = TaskQueue(items=3)
        self.page_asked: tuple[int, int] | None = None
        self.due_asked: tuple[float, int] | None = None
        self.page: Page | None = None
        self.due: Page | None = None

    def of(self, state: str) -> list[int]:
        return sorted(task for task, (now, _) in self.disk.items() if now == state)

    def pick(self, index: int) -> Task | None:
        ids = list(self.flight)
        return self.flight.pop(ids[index % len(ids)]) if ids else None

    # ---------------------------------------------------------------------------- the tasks

    @rule(count=st.integers(1, 5))
    def submit(self, count: int) -> None:
        for _ in range(count):
            task = Task(len(self.disk) + 1, "p", self.now)
            self.disk[task.id] = ("queued", 0.0)
            self.queue.submitted(task)

    @rule(count=st.integers(1, 4))
    def take(self, count: int) -> None:
        for _ in range(count):
            task = self.queue.take()
            if task is None:
                return
            assert self.disk[task.id][0] == ("delayed" if task.delayed else "queued")
            self.disk[task.id] = ("sent", 0.0)
            task.delayed = False
            self.flight[task.id] = task

    @rule(index=ANY)
    def end(self, index: int) -> None:
        task = self.pick(index)
        if task is not None:
            self.disk[task.id] = ("done", 0.0)
            if task.marked:
                self.queue.ended(task)

    @rule(index=ANY)
    def come_back(self, index: int) -> None:
        task = self.pick(index)
        if task is not None:
            self.disk[task.id] = ("queued", 0.0)
            self.queue.come_back([task])

    @rule(index=ANY, delay=st.sampled_from([0.0, 0.5, 3.0]))
    def put_off(self, index: int, delay: float) -> None:
        task = self.pick(index)
        if task is not None:
            self.disk[task.id] = ("delayed", self.now + delay)
            self.queue.delay(task, self.now + delay)

    # ---------------------------------------------------------------------------- the reads

    @rule()
    def ask(self) -> None:
        self.page_asked = self.queue.ask_page(self.now) or self.page_asked
        limit = self.queue.ask_due(self.now)
        if limit is not None:
            self.due_asked = self.now, limit
        wake_at = self.queue.wake_at(self.now)
        assert wake_at is None or wake_at > self.now

    @rule()
    def read_page(self) -> None:
        if self.page_asked is not None:
            after, limit = self.page_asked
            self.page_asked = None
            ids = [task for task in self.of("queued") if task > after]
            self.page = Page(tuple(map(_queued, ids[:limit])), len(ids) > limit)

    @rule()
    def read_due(self) -> None:
        if self.due_asked is not None:
            now, limit = self.due_asked
            self.due_asked = None
            delayed = sorted((self.disk[task][1], task) for task in self.of("delayed"))
            ids = [task for due, task in delayed if due <= now]
            later = min((due for due, _ in delayed if due > now), default=None)
            self.due = Page(tuple(map(_queued, ids[:limit])), len(ids) > limit, later)

    @rule(failed=st.integers(0, 5))
    def answer_page(self, failed: int) -> None:
        if self.page is not None:
            self.queue.loaded(self.page if failed else None, self.now)
            self.page = None

    @rule(failed=st.integers(0, 5))
    def answer_due(self, failed: int) -> None:
        if self.due is not None:
            self.queue.loaded_due(self.due if failed else None, self.now)
            self.due = None

    @rule(seconds=st.sampled_from([0.4, 2.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def restart(self) -> None:
        self.begin()
        dues = [self.disk[task][1] for task in self.of("delayed")]
        self.queue.restore(len(self.disk), bool(self.of("queued")), min(dues, default=None))
        self.flight = {task: Task(task, "p", self.now) for task in self.of("sent")}
        for lease in self.flight.values():
            self.queue.restored(lease)

    # ---------------------------------------------------------------------------- the truth

    @invariant()
    def no_task_is_in_memory_twice(self) -> None:
        waiting = [task.id for task in (*self.queue._front, *self.queue._main)]
        assert len(set(waiting)) == len(waiting)
        assert not set(waiting) & set(self.flight)
        assert {self.disk[task][0] for task in waiting} <= {"queued", "delayed"}
        assert len(self.queue._main) <= 3

    def teardown(self) -> None:
        module.FRONT_ITEMS = self._front_items
        for _ in range(20 + 4 * len(self.disk)):
            self.take(100)
            while self.flight:
                self.end(0)
            self.time_passes(2.0)
            self.ask()
            self.read_page()
            self.read_due()
            self.answer_page(1)
            self.answer_due(1)
        assert len(self.of("done")) == len(self.disk)
        q = self.queue
        assert (q.on_disk, q.next_due, len(q), q.chars) == (False, None, 0, 0)
        assert (q._ahead, q._due_held, q._left_page, q._left_due) == (set(), set(), set(), set())


def _queued(task: int) -> Queued:
    return Queued(task, "p", 0, 1.0)


QueueMachine.TestCase.settings = settings(
    max_examples=int(os.environ.get("TMAX_EXAMPLES", "300")),
    stateful_step_count=60,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)
TestQueue = QueueMachine.TestCase
