"""Whoever waits for tasks to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

from tmaxd.daemon.api.ids import Ids
from tmaxd.daemon.api.types import TaskEnd
from tmaxd.ports import Journal
from tmaxd.tasks.events import Ended
from tmaxd.tasks.records import TaskFilter

EndState = Literal["done", "dead", "cancelled"]

CHUNK = 500
"""Ids a look into the journal (SQLite takes at most 999 parameters where it is old)."""


class _Waiter:
    """Who waits, and what has ended since; a task ends once, so that is bounded by what is waited for, however
    slowly it is read."""

    def __init__(self, ids: Ids) -> None:
        self.ids = ids
        self.left = len(ids)
        """How many have not ended, as far as it was told."""
        self._told = bytearray(len(ids))
        """A byte an id, by its place: a set of a million would take 67 MB."""
        self._low, self._high = (ids[0], ids[-1]) if len(ids) else (1, 0)
        self.ends: asyncio.Queue[Sequence[tuple[int, EndState]]] = asyncio.Queue()

    def of_interest(self, tasks: Sequence[tuple[int, EndState]]) -> list[tuple[int, EndState]]:
        low, high = self._low, self._high
        found = [task for task in tasks if low <= task[0] <= high]
        if found and not self.ids.in_a_row:
            found = [task for task in found if self.ids.place(task[0]) is not None]
        return found

    def tells(self, task: int) -> bool:
        """Whether the end of this one is news; it is not any more."""
        place = self.ids.place(task)
        if place is None or self._told[place]:
            return False
        self._told[place] = 1
        self.left -= 1
        return True


class Waiters:
    """Subscribe first, then look, then listen: no end falls between."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: set[_Waiter] = set()

    def ended(self, effect: Ended) -> None:
        for waiter in self._waiting:
            mine = waiter.of_interest(effect.tasks)
            if mine:
                waiter.ends.put_nowait(mine)

    async def wait(self, ids: Iterable[int]) -> AsyncIterator[TaskEnd]:
        """Each id once, as it ends; `unknown` for what is no task."""
        waiter = _Waiter(ids if isinstance(ids, Ids) else Ids(ids))
        self._waiting.add(waiter)
        try:
            for start in range(0, len(waiter.ids), CHUNK):
                for end in await self._ended_already(waiter.ids[start : start + CHUNK]):
                    if waiter.tells(end.id):
                        yield end
            while waiter.left:
                for task, state in await waiter.ends.get():
                    if waiter.tells(task):
                        yield TaskEnd(task, state)
        finally:
            self._waiting.discard(waiter)

    async def _ended_already(self, ids: Sequence[int]) -> list[TaskEnd]:
        ends: list[TaskEnd] = []
        rows = await self._journal.tasks(TaskFilter(ids=tuple(ids), limit=len(ids)))
        found = {row.id: row.state for row in rows}
        for task in ids:
            state = found.get(task)
            if state is None:
                ends.append(TaskEnd(task, "unknown"))
            elif state == "done" or state == "dead" or state == "cancelled":
                ends.append(TaskEnd(task, state))
        return ends
