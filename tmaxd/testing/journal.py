"""The Journal port in memory: what is durable (`disk`), what is not yet, and a disk that can refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tmaxd.ports import EventFilter, EventRow, JournalError, Recovered, Revision, RevisionRow
from tmaxd.tasks.records import (
    Found,
    Page,
    Purge,
    Purged,
    Record,
    State,
    TaskFilter,
    TaskRow,
    TaskStory,
)
from tmaxd.testing import durable_purge
from tmaxd.testing.disk import Disk

Done = Callable[[Exception | None], None]


class FakeJournal:
    """`automatic`: a batch is durable at the next turn of the loop. Otherwise when `commit` is called."""

    def __init__(self, automatic: bool = True) -> None:
        self.disk = Disk()
        self.automatic = automatic
        self._pending: list[tuple[Sequence[Record], Done]] = []
        self._trouble: str | None = None
        self._closed = False

    # ------------------------------------------------------------------------------ the knobs

    def commit(self, batches: int | None = None) -> int:
        """Make the oldest pending batches durable (None: all); returns how many. None while the disk refuses."""
        if self._trouble is not None:
            return 0
        ready = self._pending[:batches]
        del self._pending[: len(ready)]
        for records, done in ready:
            try:
                self.disk.write(records)
            except (AssertionError, LookupError) as error:
                done(error)
                raise
            done(None)
        return len(ready)

    @property
    def pending(self) -> int:
        """Batches that are not durable."""
        return len(self._pending)

    def crash(self) -> Recovered:
        """Lose what is not durable, as a power cut does; returns what the next daemon finds."""
        self._pending.clear()
        self._trouble = None
        return self.disk.recover()

    def fail(self, cause: str) -> None:
        self._trouble = cause

    def heal(self) -> None:
        self._trouble = None
        if self.automatic:
            self.commit()

    def put(self, records: Sequence[Record], done: Done) -> None:
        """`write` for code without an event loop."""
        self._pending.append((tuple(records), done))

    # -------------------------------------------------------------------------------- the port

    def write(self, records: Sequence[Record]) -> asyncio.Future[None]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        if self._closed:
            future.set_exception(JournalError("the journal is closed"))
            return future

        def done(error: Exception | None) -> None:
            if not future.cancelled():
                future.set_exception(error) if error else future.set_result(None)

        self.put(records, done)
        if self.automatic:
            loop.call_soon(self.commit)
        return future

    def trouble(self) -> str | None:
        return self._trouble

    def problems(self) -> tuple[str, ...]:
        return ()

    async def page(self, group: str, priority: int, after: int, limit: int) -> Page:
        await self._settled()
        return self.disk.page(group, priority, after, limit)

    async def due(self, group: str, now: float, limit: int) -> Page:
        await self._settled()
        return self.disk.due(group, now, limit)

    async def expired(self, group: str, now: float, limit: int) -> Page:
        await self._settled()
        return self.disk.expired(group, now, limit)

    async def find(self, ids: Sequence[int]) -> tuple[Found, ...]:
        await self._settled()
        return self.disk.find(ids)

    async def find_key(self, group: str, key: str) -> tuple[int, str, State] | None:
        await self._settled()
        return self.disk.find_key(group, key)

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        self._check_open()
        return self.disk.tasks(filters)

    async def story(self, task: int) -> TaskStory | None:
        self._check_open()
        entry = self.disk.entries.get(task)
        if entry is None:
            return None
        return TaskStory(
            task=entry.shown(),
            payload=entry.payload,
            result=entry.result,
            result_file=entry.result_file,
            attempts=entry.attempts,
        )

    async def events(self, filters: EventFilter) -> tuple[EventRow, ...]:
        await self._settled()
        return self.disk.notes.find(filters)

    async def revisions(self, limit: int) -> tuple[RevisionRow, ...]:
        await self._settled()
        return self.disk.runs.last_revisions(limit)

    async def revision(self, number: int) -> Revision | None:
        self._check_open()
        return self.disk.runs.revisions.get(number)

    def purge(self, wish: Purge) -> asyncio.Future[Purged]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Purged] = loop.create_future()

        def done(error: Exception | None) -> None:
            if error is None and not future.cancelled():
                future.set_result(durable_purge.purge(self.disk, wish))
            elif error is not None and not future.cancelled():
                future.set_exception(error)

        if self._closed:
            done(JournalError("the journal is closed"))
        elif wish.dry:
            done(None)
        elif self._trouble is not None and not self._pending:
            done(JournalError(f"{self._trouble}; nothing of it was done"))
        else:
            self.put((), done)
            if self.automatic:
                loop.call_soon(self.commit)
        return future

    async def named_files(self, paths: Sequence[str]) -> frozenset[str]:
        self._check_open()
        return durable_purge.named(self.disk).intersection(paths)

    async def result_files(self, tasks: Sequence[int]) -> dict[int, str | None]:
        await self._settled()
        return durable_purge.result_files(self.disk, tasks)

    async def oldest_lease(self) -> float | None:
        await self._settled()
        return min((send.at for send in self.disk.sends.values()), default=None)

    async def close(self) -> None:
        self.commit()
        self._closed = True
        for _, done in self._pending:
            done(JournalError(f"closed while it could not be written: {self._trouble}"))
        self._pending.clear()

    def _check_open(self) -> None:
        if self._closed:
            raise JournalError("the journal is closed")

    async def _settled(self) -> None:
        """Wait for all that was written before, as the port promises."""
        self._check_open()
        if not self._pending:
            return
        settled = asyncio.get_running_loop().create_future()
        records, done = self._pending[-1]

        def both(error: Exception | None) -> None:
            done(error)
            if not settled.done():
                settled.set_result(None)

        self._pending[-1] = (records, both)
        await settled
