"""The queue and its cursors against a disk of one dictionary: no task twice in memory, none forgotten, the highest
priority first."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmaxd.tasks import queue as module
from tmaxd.tasks.queue import TaskQueue
from tmaxd.tasks.records import Options, Page, Queued, Waiting
from tmaxd.tasks.task import Task

FATES = ["end", "end", "come back", "0.0", "0.0", "0.5", "3.0"]
PRIORITIES = [0, 0, 0, 5, -5]
ITEMS = 3


class Row(msgspec.Struct):
    """A task on disk: in flight or not, its row is what it was until its end or its next try is written."""

    state: Waiting | str
    priority: int
    due: float = 0.0


class Walk:
    """A random walk. What a step does is durable at once. A read is asked for, done, and answered in three different
    steps."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.now = 100.0
        self.disk: dict[int, Row] = {}
        self.flight: dict[int, Task] = {}
        self.aside: dict[int, Task] = {}
        self.begin()

    def begin(self) -> None:
        self.queue = TaskQueue(items=ITEMS)
        self.page_asked: tuple[int, int, int] | None = None
        self.due_asked: tuple[float, int] | None = None
        self.page: Page | None = None
        self.due: Page | None = None

    def of(self, state: str) -> list[int]:
        return sorted(task for task, row in self.disk.items() if row.state == state)

    # ---------------------------------------------------------------------------- the tasks

    def submit(self) -> None:
        count, priority = self.random.randint(1, 5), self.random.choice(PRIORITIES)
        first = len(self.disk) + 1
        late = self.random.random() < 0.2
        due = self.now + self.random.choice([0.5, 3.0]) if late else 0.0
        for task in range(first, first + count):
            self.disk[task] = Row("delayed" if late else "queued", priority, due)
        if late:
            self.queue.wait_until(due)
        else:
            options = Options(priority=priority)
            self.queue.submitted(first, ["p"] * count, self.now, options)

    def take(self, count: int = 0) -> None:
        count = count or self.random.randint(1, 4)
        many = self.random.random() < 0.5
        before = self.waiting()
        given = self.queue.take_many(count, self.now) if many else self.one_by_one(count)
        assert len(given) == min(count, len(before))
        if given:  # what stays behind is of no higher priority than what went
            left = [task.priority for task in self.waiting()]
            assert max(left, default=-99) <= min(task.priority for task in given)
        for task in given:
            row = self.disk[task.id]
            assert (task.was, task.priority) == (row.state, row.priority)
            (self.aside if self.random.random() < 0.1 else self.flight)[task.id] = task

    def one_by_one(self, count: int) -> list[Task]:
        found = [self.queue.take(self.now) for _ in range(count)]
        return [task for task in found if task is not None]

    def release(self) -> None:
        self.queue.put_first(self.aside.values())
        self.aside = {}

    def settle(self, fate: str = "") -> None:
        fate = fate or self.random.choice(FATES)
        task = self.flight.pop(self.random.choice(list(self.flight)))
        row = self.disk[task.id]
        if fate == "end":
            row.state = "done"
            if task.marked:
                self.queue.ended(task)
        elif fate == "come back":
            if task.was == "delayed":
                self.queue.undelay(task)
            row.state = "queued"
            self.queue.put_first([task])
        else:
            row.state, row.due = "delayed", self.now + float(fate)
            self.queue.delay(task, row.due)

    def cancel(self) -> None:
        """Some waiting task, wherever it is."""
        waiting = [t for t in self.of("queued") + self.of("delayed") if t not in self.flight]
        if not waiting:
            return
        ids = set(self.random.choices(waiting, k=2))
        for task in self.queue.drop(ids) + [self.aside.pop(t) for t in ids & self.aside.keys()]:
            ids.discard(task.id)
            self.disk[task.id].state = "done"
            if task.marked:
                self.queue.ended(task)
        for gone in ids:
            self.disk[gone].state = "done"
            self.queue.gone(gone)

    def revive(self) -> None:
        over = self.of("done")
        if over:
            row = self.disk[self.random.choice(over)]
            row.state, row.due = "delayed", self.now
            self.queue.wait_until(self.now)

    # ---------------------------------------------------------------------------- the reads

    def ask(self, seconds: float = 0.0) -> None:
        self.now += seconds or self.random.choice([0.0, 0.0, 0.5])
        self.page_asked = self.queue.ask_page(self.now) or self.page_asked
        limit = self.queue.ask_due(self.now)
        if limit is not None:
            self.due_asked = self.now, limit
        wake_at = self.queue.wake_at(self.now)
        assert wake_at is None or wake_at > self.now

    def read_page(self) -> None:
        priority, after, limit = self.page_asked or (0, 0, 0)
        self.page_asked = None
        ids = [t for t in self.of("queued") if t > after and self.disk[t].priority == priority]
        self.page = Page(self.rows(ids[:limit]), len(ids) > limit)

    def read_due(self) -> None:
        now, limit = self.due_asked or (0.0, 0)
        self.due_asked = None
        delayed = sorted((self.disk[task].due, task) for task in self.of("delayed"))
        ids = [task for due, task in delayed if due <= now]
        later = min((due for due, _ in delayed if due > now), default=None)
        self.due = Page(self.rows(ids[:limit]), len(ids) > limit, later)

    def rows(self, ids: list[int]) -> tuple[Queued, ...]:
        return tuple(Queued(task, "p", 0, 1.0, self.disk[task].priority) for task in ids)

    def answer_page(self) -> None:
        self.queue.loaded(self.page if self.random.random() < 0.8 else None, self.now)
        self.page = None

    def answer_due(self) -> None:
        self.queue.loaded_due(self.due if self.random.random() < 0.8 else None, self.now)
        self.due = None

    def restart(self) -> None:
        """What was set aside is waiting again; what was in flight still is."""
        self.begin()
        self.aside = {}
        dues = [self.disk[task].due for task in self.of("delayed")]
        lanes = {self.disk[task].priority for task in self.of("queued")}
        self.queue.restore(lanes, min(dues, default=None))
        for task in list(self.flight):
            row = self.disk[task]
            lease = Task(task, "p", self.now, priority=row.priority)
            lease.was = "delayed" if row.state == "delayed" else "queued"
            self.flight[task] = lease
            self.queue.restored(lease)

    # ---------------------------------------------------------------------------- the truth

    def waiting(self) -> list[Task]:
        lanes = self.queue.lanes.order
        return [task for lane in lanes for task in (*lane.front, *lane.main)]

    def check(self) -> None:
        waiting = [task.id for task in self.waiting()]
        assert len(set(waiting)) == len(waiting)
        assert not set(waiting) & (self.flight.keys() | self.aside.keys())
        assert {self.disk[task].state for task in waiting} <= {"queued", "delayed"}
        lanes = self.queue.lanes.order
        assert sum(len(lane.main) for lane in lanes) <= ITEMS
        for lane in lanes:
            ids = [task.id for task in lane.main]
            assert ids == sorted(ids)
            assert all(task <= lane.cursor for task in ids)
            assert {task.priority for task in (*lane.front, *lane.main)} <= {lane.priority}
        assert self.queue.chars == len(waiting)

    # ------------------------------------------------------------------------------ the walk

    def step(self) -> None:
        steps = [self.submit, self.take, self.ask, self.ask]
        steps += [self.settle] * 3 if self.flight else []
        steps += self._reads()
        rare = self.random.random()
        if rare < 0.03:
            self.restart()
        elif rare < 0.15:
            self.random.choice([self.cancel, self.revive, self.release])()
        else:
            self.random.choice(steps)()
        self.check()

    def _reads(self) -> list[Callable[[], None]]:
        possible: list[tuple[object, Callable[[], None]]] = [
            (self.page_asked, self.read_page),
            (self.due_asked, self.read_due),
            (self.page, self.answer_page),
            (self.due, self.answer_due),
        ]
        return [step for ready, step in possible if ready is not None]

    def drain(self) -> None:
        for _ in range(50 + 8 * len(self.disk)):
            self.take(100)
            self.release()
            while self.flight:
                self.settle("end")
            self.ask(2.0)
            for _ in range(2):
                for read in self._reads():
                    read()
        assert len(self.of("done")) == len(self.disk)
        q = self.queue
        assert (q.on_disk, q.next_due, len(q), q.chars) == (False, None, 0, 0)
        assert (q._ahead, q._due_held, q._left_page, q._left_due) == (set(), set(), set(), set())


@pytest.fixture(autouse=True, scope="module")
def _few_due_tasks_at_once() -> Iterator[None]:
    kept, module.FRONT_ITEMS = module.FRONT_ITEMS, 2
    yield
    module.FRONT_ITEMS = kept


@settings(max_examples=int(os.environ.get("TMAX_EXAMPLES", "400")), deadline=None)
@given(seed=st.integers(0, 2**32), steps=st.integers(1, 150))
def test_walks(seed: int, steps: int) -> None:
    """Whole walks from a seed, since a state machine's steps cost a hundred times as much; the number of
    steps shrinks to where it goes wrong."""
    walk = Walk(seed)
    for _ in range(steps):
        walk.step()
    walk.drain()
