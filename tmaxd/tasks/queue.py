"""The waiting tasks of one group: a bounded part of them in memory (`lanes`), the rest on disk.

Order: the highest priority first; within one (a lane), tasks that come back first, then by id. The disk is read by
cursors: a page follows the ids of one lane; `due` takes delayed tasks whose time has come, of whatever lane. Of each
kind at most one read is under way, and the world moves on meanwhile; and the disk calls a task that is in flight
what it called it before, `queued` or `delayed`, until its end or its next try is written. So the answer to a read can
name tasks that memory holds already, that are in flight, or that have ended since. What keeps each task from being
loaded twice:

* `Lane.cursor`: every task of the lane that is queued on disk with an id up to it is in memory or in flight.
  New tasks stay in memory (and move the cursor) only while nothing of their lane waits on disk. Where memory must
  make room for a higher lane, the last task of the lowest one is left to the disk, and the cursor goes back to
  before it; a page that was asked for from a cursor that has gone back is not used.
* `_ahead`: ids in memory or in flight that came there without a cursor passing them (leases of an earlier daemon,
  delayed tasks), until they end or are delayed again.
* `_due_held`: those in memory or in flight that the disk calls `delayed`.
* `_left_page`, `_left_due`: ids that left memory, or flight, or the disk while that read was under way.

A read sees every record that was written before it was asked for (`Journal.page`). It says nothing of what is asked
by the ids: `orders` ends tasks that are on disk only, and says so here (`gone`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from tmaxd.tasks.lanes import Lane, Lanes
from tmaxd.tasks.records import Options, Page
from tmaxd.tasks.task import Task, from_disk, new_tasks

QUEUE_ITEMS = 8192
"""Tasks of one group in memory, about 2 MB: work for some 80 ms at 100,000 tasks a second, and more than a submitter
is ahead that waits for its acknowledgements. What does not fit is read back from disk, which costs as much again."""

QUEUE_CHARS = 4 * 1024 * 1024
"""Characters of payload of one group in memory, for groups with large payloads."""

FRONT_ITEMS = 512
"""Delayed tasks are not loaded while so many of those that come first wait already. Of more than that which are due
at once the earliest come first, whatever their priority."""

READ_RETRY = 1.0
"""Seconds after a read that failed or brought nothing."""


class TaskQueue:
    __slots__ = (
        "_ahead",
        "_chars_limit",
        "_due_asked",
        "_due_held",
        "_due_rest",
        "_items_limit",
        "_left_due",
        "_left_page",
        "_newly_due",
        "_page",
        "_page_rest",
        "lanes",
        "next_due",
        "peek",
        "take",
        "take_many",
    )

    def __init__(self, items: int = QUEUE_ITEMS, chars: int = QUEUE_CHARS) -> None:
        self._items_limit = items
        self._chars_limit = chars
        self.lanes = Lanes()
        self.peek = self.lanes.peek
        self.take = self.lanes.take
        self.take_many = self.lanes.take_many
        self._page: tuple[Lane, int, int] | None = None
        """The page under way: its lane, and the lane's `cursor` and `spilled_to` when it was asked for."""
        self._due_asked = False
        self._ahead: set[int] = set()
        self._due_held: set[int] = set()
        self._left_page: set[int] = set()
        self._left_due: set[int] = set()
        self._newly_due: float | None = None  # the earliest delay since the read was asked for
        self._page_rest = self._due_rest = 0.0
        self.next_due: float | None = None
        """When the earliest task that is delayed on disk is due."""

    def __len__(self) -> int:
        """Tasks in memory."""
        return len(self.lanes)

    @property
    def chars(self) -> int:
        """Characters of payload in memory."""
        return self.lanes.chars

    @property
    def on_disk(self) -> bool:
        """Tasks wait on disk that no cursor has reached."""
        return self.lanes.on_disk() is not None

    def restore(self, lanes: Iterable[int], next_due: float | None) -> None:
        """Begin after an earlier daemon: `lanes` are the priorities of which tasks are queued on disk."""
        for priority in lanes:
            self.lanes.lane(priority).backlog = True
        self.next_due = next_due

    def restored(self, task: Task) -> None:
        """A lease of an earlier daemon, which may come back before the cursor has passed it; or a task that was
        delayed."""
        task.marked = True
        self._ahead.add(task.id)
        if task.was == "delayed":
            self._due_held.add(task.id)

    # ------------------------------------------------------------------------------ in and out

    def submitted(
        self, first_id: int, payloads: Sequence[str], at: float, options: Options
    ) -> None:
        """New tasks, of higher ids than all before; their record is among this step's."""
        lane = self.lanes.lane(options.priority)
        count = len(payloads)
        last_id = first_id + count - 1
        if lane.on_disk:
            lane.spilled_to = last_id
            return
        chars = sum(map(len, payloads))
        room = self._items_limit - len(self.lanes)
        if count > room or chars + self.lanes.chars > self._chars_limit:
            count = self._make_room(lane, payloads)
            payloads = payloads[:count]
            chars = sum(map(len, payloads))
        if count:
            self.lanes.add(lane, new_tasks(first_id, payloads, at, options), chars)
            lane.cursor = first_id + count - 1
            if options.expires is not None:
                self.lanes.expiring = True
        if lane.cursor < last_id:
            lane.spilled_to = last_id

    def _make_room(self, lane: Lane, payloads: Sequence[str]) -> int:
        """How many of these the memory takes, once lower lanes have made what room they can."""
        items, chars = len(self.lanes), self.lanes.chars
        for taken, payload in enumerate(payloads):
            while items >= self._items_limit or chars >= self._chars_limit:
                lowest = self.lanes.lowest()
                if lowest is None or lowest.priority >= lane.priority:
                    return taken
                chars -= lowest.evict()
                items -= 1
            items += 1
            chars += len(payload)
        return len(payloads)

    def put_first(self, tasks: Iterable[Task]) -> None:
        """Tasks that were in flight or set aside and go before all others of their lanes."""
        self.lanes.put_first(tasks)

    def ended(self, task: Task) -> None:
        """A marked task that was in memory or in flight is over."""
        if self._page is not None and task.id in self._ahead:
            self._left_page.add(task.id)
        if self._due_asked and task.id in self._due_held:
            self._left_due.add(task.id)
        self._ahead.discard(task.id)
        self._due_held.discard(task.id)

    def gone(self, task: int) -> None:
        """A task that only the disk had is over."""
        if self._page is not None:
            self._left_page.add(task)
        if self._due_asked:
            self._left_due.add(task)

    def delay(self, task: Task, due: float) -> None:
        """A task that was in flight waits on disk until `due`."""
        if task.marked:
            self.ended(task)
        self.wait_until(due)

    def undelay(self, task: Task) -> None:
        """The disk no longer calls a task `delayed` that comes back from flight."""
        task.was = "queued"
        if self._due_asked:
            self._left_due.add(task.id)
        self._due_held.discard(task.id)

    def wait_until(self, due: float) -> None:
        """Some task that the disk calls `delayed` is due then."""
        if self._due_asked and (self._newly_due is None or due < self._newly_due):
            self._newly_due = due
        if self.next_due is None or due < self.next_due:
            self.next_due = due

    def drop(self, ids: Collection[int]) -> list[Task]:
        """Take these out of memory, those of them that are there."""
        return self.lanes.drop(ids)

    # ----------------------------------------------------------------------------------- pages

    def ask_page(self, now: float) -> tuple[int, int, int] | None:
        """(priority, after, limit) of the page to read now, which is then under way; None when none is wanted.

        It is of the highest lane that waits on disk. What memory holds of lower ones makes room for it."""
        lane = self.lanes.on_disk()
        if lane is None or self._page is not None or _resting(self._page_rest, now):
            return None
        items, chars = self.lanes.down_to(lane.priority)
        room = self._items_limit - items
        if room * 2 < self._items_limit or chars * 2 > self._chars_limit:
            return None
        self._page = lane, lane.cursor, lane.spilled_to
        return lane.priority, lane.cursor, room

    def loaded(self, page: Page | None, now: float) -> None:
        """The answer to `ask_page`; None when the read failed."""
        asked, self._page = self._page, None
        left, self._left_page = self._left_page, set()
        if page is None or asked is None:
            self._page_rest = now + READ_RETRY
            return
        lane, after, spilled_to = asked
        if lane.cursor != after:
            return
        found = [
            from_disk(queued)
            for queued in page.tasks
            if queued.id not in self._ahead and queued.id not in left
        ]
        self.lanes.add(lane, found, sum([len(task.payload or "") for task in found]))
        if any(task.expires is not None for task in found):
            self.lanes.expiring = True
        if page.tasks:
            lane.cursor = page.tasks[-1].id
        if not page.more:
            lane.backlog = False
            lane.cursor = max(lane.cursor, spilled_to)
        self._shrink(lane)

    def _shrink(self, lane: Lane) -> None:
        """Lower lanes make room for what was loaded; and it for what has come to higher ones meanwhile."""
        items, chars = len(self.lanes), self.lanes.chars
        while items > self._items_limit or chars > self._chars_limit:
            lowest = self.lanes.lowest()
            if lowest is None or lowest.priority > lane.priority:
                return
            if lowest is lane and items <= self._items_limit:
                return  # long payloads: they would only be read once more
            chars -= lowest.evict()
            items -= 1

    # ------------------------------------------------------------------------------------- due

    def ask_due(self, now: float) -> int | None:
        """The limit of the read of due tasks to make now, which is then under way."""
        if self._due_asked or self.next_due is None or now < self.next_due:
            return None
        if self._front_full() or _resting(self._due_rest, now):
            return None
        self._due_asked = True
        self._newly_due = None
        # the disk still says `delayed` of what waits here or is in flight, so those are in the answer once more
        return FRONT_ITEMS + len(self._due_held)

    def loaded_due(self, page: Page | None, now: float) -> int:
        """The answer to `ask_due`; None when the read failed. Returns how many tasks came by it."""
        self._due_asked = False
        left, self._left_due = self._left_due, set()
        if page is None:
            self._due_rest = now + READ_RETRY
            return 0
        count = 0
        for queued in page.tasks:
            if queued.id in self._due_held or queued.id in left:
                continue
            task = from_disk(queued)
            task.was = "delayed"
            self.restored(task)
            self.lanes.append_front(task)
            count += 1
        later = [due for due in (page.next_due, self._newly_due) if due is not None]
        self.next_due = now if page.more else min(later, default=None)
        if page.more and count == 0:  # a page of nothing but long payloads that are here already
            self._due_rest = now + READ_RETRY
        return count

    def _front_full(self) -> bool:
        items, chars = self.lanes.front()
        return items >= FRONT_ITEMS or chars * 2 > self._chars_limit

    def wake_at(self, now: float) -> float | None:
        """When a read is due that no event will bring about; after the reads of this step were asked for."""
        times = []
        if self.next_due is not None and not self._due_asked and not self._front_full():
            times.append(max(self.next_due, self._due_rest))
        if now < self._page_rest and self._page is None and self.on_disk:
            times.append(self._page_rest)
        return min(times, default=None)


def _resting(until: float, now: float) -> bool:
    """A read came to nothing just now; a clock that was set back does not prolong it."""
    return until - READ_RETRY <= now < until
