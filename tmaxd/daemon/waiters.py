"""Whoever waits for tasks to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

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

    def __init__(self, ids: Iterable[int]) -> None:
        self.open_ids = set(ids)
        self.ends: asyncio.Queue[Sequence[tuple[int, EndState]]] = asyncio.Queue()


class Waiters:
    """Subscribe first, then look, then listen: no end falls between."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._waiting: set[_Waiter] = set()

    def ended(self, effect: Ended) -> None:
        for waiter in self._waiting:
            mine = [task for task in effect.tasks if task[0] in waiter.open_ids]
            if mine:
                waiter.ends.put_nowait(mine)

    async def wait(self, ids: Iterable[int]) -> AsyncIterator[TaskEnd]:
        """Each id once, as it ends; `unknown` for what is no task."""
        waiter = _Waiter(ids)
        open_ids = waiter.open_ids
        self._waiting.add(waiter)
        try:
            for end in await self._ended_already(open_ids):
                open_ids.discard(end.id)
                yield end
            while open_ids:
                for task, state in await waiter.ends.get():
                    if task in open_ids:
                        open_ids.discard(task)
                        yield TaskEnd(task, state)
        finally:
            self._waiting.discard(waiter)

    async def _ended_already(self, ids: set[int]) -> list[TaskEnd]:
        ends: list[TaskEnd] = []
        ordered = sorted(ids)
        for start in range(0, len(ordered), CHUNK):
            chunk = tuple(ordered[start : start + CHUNK])
            rows = await self._journal.tasks(TaskFilter(ids=chunk, limit=len(chunk)))
            found = {row.id: row.state for row in rows}
            for task in chunk:
                state = found.get(task)
                if state is None:
                    ends.append(TaskEnd(task, "unknown"))
                elif state == "done" or state == "dead" or state == "cancelled":
                    ends.append(TaskEnd(task, state))
        return ends
