"""The Journal port on SQLite: the writer thread, and one reader thread so that no read blocks the loop."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tmaxd.ports import JournalError, Recovered
from tmaxd.tasks.records import Page, Record, TaskFilter, TaskRow, TaskStory
from tmaxd.world.journal import reading
from tmaxd.world.journal.schema import check_version, connect, damaged, prepare
from tmaxd.world.journal.writer import Done, Writer

T = TypeVar("T")


def open_journal(
    path: Path, loop: asyncio.AbstractEventLoop | None = None
) -> tuple[SqliteJournal, Recovered]:
    """Open `state.db`, creating it (0600) where none is. `loop` (the running one by default) is where
    answers arrive. Raises JournalError when the file is damaged, newer, or not ours; it is then as it was."""
    loop = loop or asyncio.get_running_loop()
    prepare(path)
    opened: list[sqlite3.Connection] = []
    try:
        for _ in range(2):
            opened.append(connect(path))
            check_version(opened[-1], path)
        opened[1].execute("PRAGMA query_only = 1")
        recovered = reading.recover(opened[1])
    except (sqlite3.Error, JournalError, TypeError) as error:
        for db in opened:
            db.close()
        if isinstance(error, JournalError):
            raise
        raise JournalError(damaged(path, str(error))) from error
    return SqliteJournal(path, opened[0], opened[1], loop), recovered


class SqliteJournal:
    """See `tmaxd.ports.Journal`; made by `open_journal`."""

    def __init__(
        self,
        path: Path,
        writing: sqlite3.Connection,
        reading: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._path = path
        self._loop = loop
        self._writer = Writer(path, writing, loop)
        self._db = reading
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="journal-reader")
        self._last: Done | None = None

    def write(self, records: Sequence[Record]) -> Done:
        self._last = self._writer.write(records)
        return self._last

    def trouble(self) -> str | None:
        return self._writer.trouble

    async def page(self, group: str, after: int, limit: int) -> Page:
        await self._settled()
        return await self._read(lambda: reading.page(self._db, group, after, limit))

    async def due(self, group: str, now: float, limit: int) -> Page:
        await self._settled()
        return await self._read(lambda: reading.due(self._db, group, now, limit))

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        return await self._read(lambda: reading.tasks(self._db, filters))

    async def story(self, task: int) -> TaskStory | None:
        return await self._read(lambda: reading.story(self._db, task))

    async def close(self) -> None:
        """Write what waits, then let go. A batch that the disk refuses fails with JournalError."""
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._reader.shutdown)
        self._db.close()

    async def _settled(self) -> None:
        """Until every batch given so far is on disk, or has failed."""
        last = self._last
        if last is not None and not last.done():
            await asyncio.wait([last])

    async def _read(self, query: Callable[[], T]) -> T:
        try:
            return await self._loop.run_in_executor(self._reader, query)
        except sqlite3.Error as error:
            raise JournalError(f"{self._path}: cannot be read: {error}") from error
        except RuntimeError as error:
            raise JournalError(f"{self._path}: is closed") from error
