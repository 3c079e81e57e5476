"""The queue and its two cursors against a disk of one dictionary: no task twice in memory, none forgotten."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmaxd.tasks import queue as module
from tmaxd.tasks.queue import Task, TaskQueue
from tmaxd.tasks.records import Page, Queued

FATES = ["end", "end", "come back", "0.0", "0.0", "0.5", "3.0"]


class Walk:
    """A random walk. `disk` has the state and the due time of each task; what a step does is durable at once.
    A read is asked for, done, and answered in three different steps."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
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

    # ---------------------------------------------------------------------------- the tasks

    def submit(self) -> None:
        for _ in range(self.random.randint(1, 5)):
            task = Task(len(self.disk) + 1, "p", self.now)
            self.disk[task.id] = ("queued", 0.0)
            self.queue.submitted(task)

    def take(self, count: int = 0) -> None:
        for _ in range(count or self.random.randint(1, 4)):
            task = self.queue.take()
            if task is None:
                return
            assert self.disk[task.id][0] == ("delayed" if task.delayed else "queued")
            self.disk[task.id] = ("sent", 0.0)
            task.delayed = False
            self.flight[task.id] = task

    def settle(self, fate: str = "") -> None:
        fate = fate or self.random.choice(FATES)
        task = self.flight.pop(self.random.choice(list(self.flight)))
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

    def ask(self, seconds: float = 0.0) -> None:
        self.now += seconds or self.random.choice([0.0, 0.0, 0.5])
        self.page_asked = self.queue.ask_page(self.now) or self.page_asked
        limit = self.queue.ask_due(self.now)
        if limit is not None:
            self.due_asked = self.now, limit
        wake_at = self.queue.wake_at(self.now)
        assert wake_at is None or wake_at > self.now

    def read_page(self) -> None:
        after, limit = self.page_asked or (0, 0)
        self.page_asked = None
        ids = [task for task in self.of("queued") if task > after]
        self.page = Page(tuple(map(_queued, ids[:limit])), len(ids) > limit)

    def read_due(self) -> None:
        now, limit = self.due_asked or (0.0, 0)
        self.due_asked = None
        delayed = sorted((self.disk[task][1], task) for task in self.of("delayed"))
        ids = [task for due, task in delayed if due <= now]
        later = min((due for due, _ in delayed if due > now), default=None)
        self.due = Page(tuple(map(_queued, ids[:limit])), len(ids) > limit, later)

    def answer_page(self) -> None:
        self.queue.loaded(self.page if self.random.random() < 0.8 else None, self.now)
        self.page = None

    def answer_due(self) -> None:
        self.queue.loaded_due(self.due if self.random.random() < 0.8 else None, self.now)
        self.due = None

    def restart(self) -> None:
        self.begin()
        dues = [self.disk[task][1] for task in self.of("delayed")]
        self.queue.restore(len(self.disk), bool(self.of("queued")), min(dues, default=None))
        self.flight = {task: Task(task, "p", self.now) for task in self.of("sent")}
        for lease in self.flight.values():
            self.queue.restored(lease)

    # ---------------------------------------------------------------------------- the truth

    def no_task_is_in_memory_twice(self) -> None:
        waiting = [task.id for task in (*self.queue._front, *self.queue._main)]
        assert len(set(waiting)) == len(waiting)
        assert not set(waiting) & set(self.flight)
        assert {self.disk[task][0] for task in waiting} <= {"queued", "delayed"}
        assert len(self.queue._main) <= 3

    # ------------------------------------------------------------------------------ the walk

    def step(self) -> None:
        steps = [self.submit, self.take, self.ask]
        steps += [self.settle] * 3 if self.flight else []
        steps += self._reads()
        self.restart() if self.random.random() < 0.03 else self.random.choice(steps)()
        self.no_task_is_in_memory_twice()

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


def _queued(task: int) -> Queued:
    return Queued(task, "p", 0, 1.0)


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
