"""The queue and its two cursors against a disk of one dictionary: no task twice in memory, none forgotten."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

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

    def pick(self, index: int) -> Task:
        return self.flight.pop(list(self.flight)[index % len(self.flight)])

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

    @precondition(lambda self: self.flight)
    @rule(index=ANY, fate=st.sampled_from(["end", "end", "come back", "0.0", "0.0", "0.5", "3.0"]))
    def settle(self, index: int, fate: str) -> None:
        task = self.pick(index)
        if fate == "end":
            self.disk[task.id] = ("done", 0.0)
            if task.marked:
                self.queue.ended(task)
        elif fate == "come back":
            self.disk[task.id] = ("queued", 0.0)
            self.queue.come_back([task])
        else:
            due = self.now + float(fate)
            self.disk[task.id] = ("delayed", due)
            self.queue.delay(task, due)

    # ---------------------------------------------------------------------------- the reads

    @rule(seconds=st.sampled_from([0.0, 0.0, 0.5]))
    def ask(self, seconds: float) -> None:
        self.now += seconds
        self.page_asked = self.queue.ask_page(self.now) or self.page_asked
        limit = self.queue.ask_due(self.now)
        if limit is not None:
            self.due_asked = self.now, limit
        wake_at = self.queue.wake_at(self.now)
        assert wake_at is None or wake_at > self.now

    @precondition(lambda self: self.page_asked)
    @rule()
    def read_page(self) -> None:
        after, limit = self.page_asked or (0, 0)
        self.page_asked = None
        ids = [task for task in self.of("queued") if task > after]
        self.page = Page(tuple(map(_queued, ids[:limit])), len(ids) > limit)

    @precondition(lambda self: self.due_asked)
    @rule()
    def read_due(self) -> None:
        now, limit = self.due_asked or (0.0, 0)
        self.due_asked = None
        delayed = sorted((self.disk[task][1], task) for task in self.of("delayed"))
        ids = [task for due, task in delayed if due <= now]
        later = min((due for due, _ in delayed if due > now), default=None)
        self.due = Page(tuple(map(_queued, ids[:limit])), len(ids) > limit, later)

    @precondition(lambda self: self.page)
    @rule(failed=st.integers(0, 5))
    def answer_page(self, failed: int) -> None:
        self.queue.loaded(self.page if failed else None, self.now)
        self.page = None

    @precondition(lambda self: self.due)
    @rule(failed=st.integers(0, 5))
    def answer_due(self, failed: int) -> None:
        self.queue.loaded_due(self.due if failed else None, self.now)
        self.due = None

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
                self.settle(0, "end")
            self.ask(2.0)
            if self.page_asked:
                self.read_page()
            if self.due_asked:
                self.read_due()
            if self.page:
                self.answer_page(1)
            if self.due:
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
