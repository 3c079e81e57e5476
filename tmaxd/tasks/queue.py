"""The waiting tasks of one group: a bounded part of them in memory, the rest on disk.

Order: tasks that come back first, then by id. The disk is read by two cursors: `page` follows the ids,
`due` takes delayed tasks whose time has come. Each has at most one read under way, and the world moves on
meanwhile; so the answer to a read can name tasks that memory holds already, or that have ended since. What
keeps each task from being loaded twice:

* `_cursor`: every task of the group that is queued on disk with an id up to it is in memory or in flight.
  New tasks stay in memory (and move the cursor) only while nothing waits on disk.
* `_ahead`: ids in memory or in flight that came there without the cursor passing them (restored leases,
  delayed tasks), for as long as the cursor has not passed them and they have not ended.
* `_due_held`: ids in memory or in flight that came by `due`: the disk says `delayed` of them until their
  assignment is written.
* `_left_page`, `_left_due`: ids that left memory while that read was under way.

A read sees every record that was written before it was asked for (`Journal.page`).
"""

from __future__ import annotations

from collections import deque

import msgspec

from tmaxd.tasks.records import Page, Queued

QUEUE_ITEMS = 2048
"""Tasks of one group in memory: several hundred ms of work for a fleet at full speed, many reads' worth."""

QUEUE_CHARS = 4 * 1024 * 1024
"""Characters of payload of one group in memory, for groups with large payloads."""

FRONT_ITEMS = 256
"""Delayed tasks are not loaded while so many of those that come first wait already."""

READ_RETRY = 1.0
"""Seconds after a failed read."""


class Task(msgspec.Struct, gc=False):
    """One task in memory. Holds no reference to anything that refers back to it, hence `gc=False`."""

    id: int
    payload: str | None
    """None: in flight, and too long to be held (HELD_PAYLOAD)."""
    at: float
    """When it was submitted."""
    spent: int = 0
    attempt: int = 0
    """The attempt under way; 0 before the first."""
    sent: float = 0.0
    started: float | None = None
    delayed: bool = False
    """The disk says `delayed`."""
    marked: bool = False
    """The queue must hear when it ends: it came by another way than the cursor."""
    here: bool = False
    """Assigned by this dispatcher to this life of the run, so a `started` frame could not be missed."""
    spooled: bool = False
    """Its payload file exists."""


class TaskQueue:
    __slots__ = (
        "_ahead",
        "_backlog",
        "_chars",
        "_chars_limit",
        "_cursor",
        "_due_asked",
        "_due_held",
        "_front",
        "_items_limit",
        "_left_due",
        "_left_page",
        "_main",
        "_newly_due",
        "_page_asked",
        "_retry_at",
        "_spilled_to",
        "next_due",
    )

    def __init__(self, items: int = QUEUE_ITEMS, chars: int = QUEUE_CHARS) -> None:
        self._items_limit = items
        self._chars_limit = chars
        self._front: deque[Task] = deque()
        self._main: deque[Task] = deque()
        self._chars = 0
        self._cursor = 0
        self._backlog = False  # the disk may hold tasks of an earlier daemon beyond the cursor
        self._spilled_to = 0  # the highest id that went to disk only
        self._page_asked: int | None = None  # the value of _spilled_to when the read was asked for
        self._due_asked = False
        self._ahead: set[int] = set()
        self._due_held: set[int] = set()
        self._left_page: set[int] = set()
        self._left_due: set[int] = set()
        self._newly_due: float | None = None  # the earliest delay since the read was asked for
        self._retry_at = 0.0
        self.next_due: float | None = None
        """When the earliest task that is delayed on disk is due."""

    def __len__(self) -> int:
        """Tasks in memory."""
        return len(self._front) + len(self._main)

    @property
    def chars(self) -> int:
        """Characters of payload in memory, of those that did not come back."""
        return self._chars

    @property
    def on_disk(self) -> bool:
        """Tasks wait on disk that the cursor has not reached."""
        return self._backlog or self._cursor < self._spilled_to

    def restore(self, last_id: int, backlog: bool, next_due: float | None) -> None:
        """Begin after an earlier daemon: `last_id` is the highest id in use, `backlog` says whether tasks
        are queued on disk."""
        self._cursor = 0 if backlog else last_id
        self._backlog = backlog
        self.next_due = next_due

    def restored(self, task: Task) -> None:
        """A lease of an earlier daemon: it may come back before the cursor has passed it."""
        self._mark(task)

    # ------------------------------------------------------------------------------ in and out

    def submitted(self, task: Task) -> None:
        """A new task, of a higher id than all before; its record is among this step's."""
        payload = task.payload or ""
        if (
            self._cursor < self._spilled_to
            or self._backlog
            or len(self._main) >= self._items_limit
            or self._chars >= self._chars_limit
        ):
            self._spilled_to = task.id
            return
        self._main.append(task)
        self._chars += len(payload)
        self._cursor = task.id

    def take(self) -> Task | None:
        """The next task to hand out, if there is one in memory."""
        if self._front:
            return self._front.popleft()
        if self._main:
            task = self._main.popleft()
            self._chars -= len(task.payload or "")
            return task
        return None

    def come_back(self, tasks: list[Task]) -> None:
        """Tasks that were in flight and go first, the first of them before all."""
        self._front.extendleft(reversed(tasks))

    def ended(self, task: Task) -> None:
        """A marked task that was in flight is over."""
        if self._page_asked is not None and task.id in self._ahead:
            self._left_page.add(task.id)
        if self._due_asked and task.id in self._due_held:
            self._left_due.add(task.id)
        self._ahead.discard(task.id)
        self._due_held.discard(task.id)

    def delay(self, task: Task, due: float) -> None:
        """A task that was in flight waits on disk until `due`."""
        if task.marked:
            self.ended(task)
        if self._due_asked and (self._newly_due is None or due < self._newly_due):
            self._newly_due = due
        if self.next_due is None or due < self.next_due:
            self.next_due = due

    def _mark(self, task: Task) -> None:
        task.marked = True
        self._ahead.add(task.id)

    # ----------------------------------------------------------------------------------- reads

    def ask_page(self, now: float) -> tuple[int, int] | None:
        """(after, limit) of the page to read now, which is then under way; None when none is wanted."""
        room = self._items_limit - len(self._main)
        if (
            not self.on_disk
            or self._page_asked is not None
            or room * 2 < self._items_limit
            or self._chars * 2 > self._chars_limit
            or self._resting(now)
        ):
            return None
        self._page_asked = self._spilled_to
        return self._cursor, room

    def loaded(self, page: Page | None, now: float) -> None:
        """The answer to `ask_page`; None when the read failed."""
        asked = self._page_asked
        self._page_asked = None
        if page is None or asked is None:
            self._left_page.clear()
            self._retry_at = now + READ_RETRY
            return
        for queued in page.tasks:
            if queued.id not in self._ahead and queued.id not in self._left_page:
                task = _task(queued)
                self._main.append(task)
                self._chars += len(queued.payload)
        if page.tasks:
            self._cursor = page.tasks[-1].id
        if not page.more:
            self._backlog = False
            self._cursor = max(self._cursor, asked)
        self._left_page.clear()
        if self._ahead:
            self._ahead = {task for task in self._ahead if task > self._cursor}

    def ask_due(self, now: float) -> int | None:
        """The limit of the read of due tasks to make now, which is then under way."""
        if self._due_asked or self.next_due is None or now < self.next_due:
            return None
        if len(self._front) >= FRONT_ITEMS or self._resting(now):
            return None
        self._due_asked = True
        self._newly_due = None
        # the disk still says `delayed` of what waits in front, so those are in the answer once more
        return FRONT_ITEMS + len(self._front)

    def loaded_due(self, page: Page | None, now: float) -> int:
        """The answer to `ask_due`; None when the read failed. Returns how many tasks came by it."""
        self._due_asked = False
        if page is None:
            self._left_due.clear()
            self._retry_at = now + READ_RETRY
            return 0
        before = len(self._front)
        for queued in page.tasks:
            if queued.id in self._due_held or queued.id in self._left_due:
                continue
            task = _task(queued)
            task.delayed = True
            self._mark(task)
            self._due_held.add(task.id)
            self._front.append(task)
        self._left_due.clear()
        later = [due for due in (page.next_due, self._newly_due) if due is not None]
        self.next_due = now if page.more else min(later, default=None)
        return len(self._front) - before

    def wake_at(self, now: float) -> float | None:
        """When a read is due that no event will bring about; after the reads of this step were asked for."""
        times = []
        if self.next_due is not None and not self._due_asked and len(self._front) < FRONT_ITEMS:
            times.append(max(self.next_due, self._retry_at))
        if now < self._retry_at and self.on_disk and self._page_asked is None:
            times.append(self._retry_at)
        return min(times, default=None)

    def _resting(self, now: float) -> bool:
        """A read failed just now; a clock that was set back does not prolong it."""
        return self._retry_at - READ_RETRY <= now < self._retry_at


def _task(queued: Queued) -> Task:
    return Task(queued.id, queued.payload, queued.at, queued.attempt)
