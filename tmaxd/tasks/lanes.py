"""The waiting tasks of one group that memory holds: a lane for each priority, the highest first. Within a lane what
came back goes first, then the rest by id. How tasks get here from the disk is the business of `queue`."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable

from tmaxd.tasks.task import Task


class Lane:
    """The tasks of one priority, and how far the disk has been read for it."""

    __slots__ = (
        "backlog",
        "chars",
        "cursor",
        "front",
        "front_chars",
        "main",
        "priority",
        "spilled_to",
    )

    def __init__(self, priority: int) -> None:
        self.priority = priority
        self.front: deque[Task] = deque()
        self.front_chars = 0
        self.main: deque[Task] = deque()
        """By id; all of them came by the cursor."""
        self.chars = 0
        """Characters of payload in `main`."""
        self.cursor = 0
        """Every task of the lane that is queued on disk with an id up to it is in memory or in flight."""
        self.backlog = False
        """The disk may hold tasks of an earlier daemon beyond the cursor."""
        self.spilled_to = 0
        """The highest id that is on disk only."""

    @property
    def on_disk(self) -> bool:
        """Tasks wait on disk that the cursor has not reached."""
        return self.backlog or self.cursor < self.spilled_to

    def evict(self) -> int:
        """Leave the last task to the disk; returns its characters. What is in flight or came back stays below the
        cursor, since it went before this one."""
        task = self.main.pop()
        chars = len(task.payload or "")
        self.chars -= chars
        self.cursor = task.id - 1
        self.spilled_to = max(self.spilled_to, task.id)
        return chars


class Lanes:
    __slots__ = ("_by_priority", "expired", "expiring", "order")

    def __init__(self) -> None:
        self._by_priority: dict[int, Lane] = {}
        self.order: list[Lane] = []
        """The highest priority first."""
        self.expiring = False
        """Some task that came here has had a time to expire."""
        self.expired: list[Task] = []
        """Tasks whose time was over when it was their turn."""

    def __len__(self) -> int:
        """Tasks in memory."""
        count = 0
        for lane in self.order:
            count += len(lane.front) + len(lane.main)
        return count

    @property
    def chars(self) -> int:
        """Characters of payload in memory."""
        return sum([lane.chars + lane.front_chars for lane in self.order])

    def front(self) -> tuple[int, int]:
        """(tasks, characters) of what goes first in its lane."""
        return (
            sum([len(lane.front) for lane in self.order]),
            sum([lane.front_chars for lane in self.order]),
        )

    def down_to(self, priority: int) -> tuple[int, int]:
        """(tasks, characters) of the lanes of this priority and above."""
        lanes = [lane for lane in self.order if lane.priority >= priority]
        return (
            sum([len(lane.front) + len(lane.main) for lane in lanes]),
            sum([lane.chars + lane.front_chars for lane in lanes]),
        )

    def lane(self, priority: int) -> Lane:
        lane = self._by_priority.get(priority)
        if lane is None:
            lane = self._by_priority[priority] = Lane(priority)
            self.order.append(lane)
            self.order.sort(key=lambda lane: -lane.priority)
        return lane

    def on_disk(self) -> Lane | None:
        """The highest lane of which tasks wait on disk."""
        for lane in self.order:
            if lane.on_disk:
                return lane
        return None

    def lowest(self) -> Lane | None:
        """The lowest lane from which a task can be left to the disk."""
        for lane in reversed(self.order):
            if lane.main:
                return lane
        return None

    # ------------------------------------------------------------------------------ in and out

    def add(self, lane: Lane, tasks: Iterable[Task], chars: int) -> None:
        """The next tasks of a lane by id, and the characters of their payloads."""
        lane.main.extend(tasks)
        lane.chars += chars

    def append_front(self, task: Task) -> None:
        """A task whose time has come, behind what came back before."""
        lane = self.lane(task.priority)
        lane.front.append(task)
        self._entered(lane, task)

    def put_first(self, tasks: Iterable[Task]) -> None:
        """Tasks that go before all others of their lanes, by id."""
        for task in sorted(tasks, key=lambda task: task.id, reverse=True):
            lane = self.lane(task.priority)
            lane.front.appendleft(task)
            self._entered(lane, task)

    def _entered(self, lane: Lane, task: Task) -> None:
        lane.front_chars += len(task.payload or "")
        if task.expires is not None:
            self.expiring = True

    def take(self, now: float) -> Task | None:
        """The next task to hand out, if there is one in memory. Those that have expired go to `expired`."""
        for lane in self.order:
            while lane.front or lane.main:
                if lane.front:
                    task = lane.front.popleft()
                    lane.front_chars -= len(task.payload or "")
                else:
                    task = lane.main.popleft()
                    lane.chars -= len(task.payload or "")
                if task.expires is None or now < task.expires:
                    return task
                self.expired.append(task)
        return None

    def peek(self, now: float) -> Task | None:
        """What `take` would give."""
        for lane in self.order:
            for tasks in (lane.front, lane.main):
                while tasks:
                    task = tasks[0]
                    if task.expires is None or now < task.expires:
                        return task
                    tasks.popleft()
                    if tasks is lane.front:
                        lane.front_chars -= len(task.payload or "")
                    else:
                        lane.chars -= len(task.payload or "")
                    self.expired.append(task)
        return None

    def take_many(self, count: int, now: float) -> list[Task]:
        """Up to so many at once: what `take` would give one after the other."""
        taken: list[Task] = []
        for lane in self.order:
            if lane.front or self.expiring:
                break
            main = lane.main
            pop = main.popleft
            some = [pop() for _ in range(min(count - len(taken), len(main)))]
            lane.chars -= sum([len(task.payload or "") for task in some])
            taken += some
            if len(taken) == count:
                return taken
        while len(taken) < count:
            task = self.take(now)
            if task is None:
                break
            taken.append(task)
        return taken

    def drop(self, ids: Collection[int]) -> list[Task]:
        """Take these out, those of them that are here."""
        dropped: list[Task] = []
        for lane in self.order:
            for tasks in (lane.front, lane.main):
                found = [task for task in tasks if task.id in ids]
                if not found:
                    continue
                dropped += found
                kept = [task for task in tasks if task.id not in ids]
                tasks.clear()
                tasks.extend(kept)
                chars = sum([len(task.payload or "") for task in found])
                if tasks is lane.front:
                    lane.front_chars -= chars
                else:
                    lane.chars -= chars
        return dropped
