"""Whoever waits for tasks to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from tmaxd.daemon.api.types import TaskEnd
from tmaxd.ports import Journal
from tmaxd.tasks.events import Ended
from tmaxd.tasks.records import TaskFilter

CHUNK = 500
"""Ids a look into the journal (SQLite takes at most 999 parameters where it is old)."""


class Waiters:
    """Subscribe first, then look, then listen: no end falls between."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._queues: set[asyncio.Queue[Sequence[tuple[int, str]]]] = set()

    def ended(self, effect: Ended) -> None:
        for queue in self._queues:
            queue.put_nowait(effect.tasks)

    async def wait(self, ids: Iterable[int]) -> AsyncIterator[TaskEnd]:
        """Each id once, as it ends; `unknown` for what is no task. The queue of one waiter is bounded by what can
        end while it reads: it drops ids that it does not wait for as they come."""
        open_ids = set(ids)
        queue: asyncio.Queue[Sequence[tuple[int, str]]] = asyncio.Queue()
        self._queues.add(queue)
        try:
            for end in await self._ended_already(open_ids):
                open_ids.discard(end.id)
                yield end
            while open_ids:
                for task, state in await queue.get():
                    if task in open_ids:
                        open_ids.discard(task)
                        yield TaskEnd(task, "done" if state == "done" else "dead")
        finally:
            self._queues.discard(queue)

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
                elif state in ("done", "dead"):
                    ends.append(TaskEnd(task, "done" if state == "done" else "dead"))
        return ends
