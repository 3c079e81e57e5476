"""The Journal port on SQLite: the thread that writes, and two that read.

What the dispatcher asks for is read apart from what people ask for: a long look at the task table must not keep it
waiting for its next tasks.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

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
from tmaxd.world.journal import listing, mark, named, needed, notes, purge, waiting
from tmaxd.world.journal.reader import UNREADABLE, Reader, read_only
from tmaxd.world.journal.recovery import recover
from tmaxd.world.journal.schema import check_version, connect, damaged, prepare
from tmaxd.world.journal.writer import Writer, Written

OLDEST = (3, 35)
"""The SQLite that knows everything used here: UPDATE … FROM, JSON functions."""

PIECES = 2000
"""Rows of `ends` that are looked through at a time."""


def open_journal(
    path: Path,
    loop: asyncio.AbstractEventLoop | None = None,
    on_trouble: Callable[[str | None], None] = lambda _: None,
) -> tuple[SqliteJournal, Recovered]:
    """Open `state.db`, creating it (0600) where none is. `loop` (the running one by default) is where
    answers arrive, and where `on_trouble` is told why the disk refuses, and None when it does no more. Raises
    JournalError when the file is damaged, newer, or not ours; it is then as it was."""
    loop = loop or asyncio.get_running_loop()
    if sqlite3.sqlite_version_info < OLDEST:
        raise JournalError(
            f"{path}: needs SQLite {'.'.join(map(str, OLDEST))} or later, this Python has"
            f" {sqlite3.sqlite_version}; nothing was changed"
        )
    mark.refuse_a_missing_database(path)
    prepare(path)
    opened: list[sqlite3.Connection] = []
    try:
        known = mark.read(path)
        mark.refuse_a_beginning(path)
        for _ in range(2):
            opened.append(connect(path))
            check_version(opened[-1], path)
        found = mark.held(opened[1])
        recovered = recover(read_only(opened[1]))
    except (*UNREADABLE, JournalError) as error:
        for db in opened:
            db.close()
        if isinstance(error, JournalError):
            raise
        raise JournalError(damaged(path, str(error))) from error
    last = mark.Mark(found.commits, max(found.next_id, known.next_id if known else 1))
    writer = Writer(path, opened[0], loop, mark.Marker(path, last), on_trouble)
    journal = SqliteJournal(path, writer, opened[1], loop, mark.missing(path, known, found))
    return journal, msgspec.structs.replace(recovered, next_id=last.next_id)


class SqliteJournal:
    """See `tmaxd.ports.Journal`; made by `open_journal`."""

    def __init__(
        self,
        path: Path,
        writer: Writer,
        reading: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        problems: tuple[str, ...],
    ) -> None:
        self._path = path
        self._writer = writer
        self._problems = problems
        self._dispatch = Reader(path, loop, "journal-dispatch", reading)
        self._people = Reader(path, loop, "journal-people")
        self._last: asyncio.Future[Any] | None = None

    def write(self, records: Sequence[Record]) -> Written:
        self._last = written = self._writer.write(records)
        return written

    def trouble(self) -> str | None:
        return self._writer.trouble

    def problems(self) -> tuple[str, ...]:
        return self._problems

    async def page(self, group: str, priority: int, after: int, limit: int) -> Page:
        await self._settled()
        return await self._dispatch.read(lambda db: waiting.page(db, group, priority, after, limit))

    async def due(self, group: str, now: float, limit: int) -> Page:
        await self._settled()
        return await self._dispatch.read(lambda db: waiting.due(db, group, now, limit))

    async def expired(self, group: str, now: float, limit: int) -> Page:
        await self._settled()
        return await self._dispatch.read(lambda db: waiting.expired(db, group, now, limit))

    async def find(self, ids: Sequence[int]) -> tuple[Found, ...]:
        await self._settled()
        return await self._dispatch.read(lambda db: named.find(db, ids))

    async def find_key(self, group: str, key: str) -> tuple[int, str, State] | None:
        await self._settled()
        return await self._dispatch.read(lambda db: named.find_key(db, group, key))

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        return await self._people.read(lambda db: listing.tasks(db, filters))

    async def story(self, task: int) -> TaskStory | None:
        return await self._people.read(lambda db: named.story(db, task))

    async def events(self, filters: EventFilter) -> tuple[EventRow, ...]:
        await self._settled()
        return await self._people.read(lambda db: notes.events(db, filters))

    async def revisions(self, limit: int) -> tuple[RevisionRow, ...]:
        await self._settled()
        return await self._people.read(lambda db: notes.revisions(db, limit))

    async def revision(self, number: int) -> Revision | None:
        return await self._people.read(lambda db: notes.revision(db, number))

    def purge(self, wish: Purge) -> asyncio.Future[Purged]:
        if wish.dry:
            return asyncio.ensure_future(self._people.read(lambda db: purge.purge(db, wish)))
        self._last = done = self._writer.run(lambda db: purge.purge(db, wish))
        return done

    async def named_files(self, paths: Sequence[str]) -> frozenset[str]:
        wanted, found = frozenset(paths), set[str]()
        last: int | None = 0
        while last is not None:
            look = partial(needed.named_files, after=last, limit=PIECES)
            some, last = await self._people.read(look)
            found |= some & wanted
        return frozenset(found)

    async def result_files(self, tasks: Sequence[int]) -> dict[int, str | None]:
        await self._settled()
        return await self._people.read(lambda db: needed.result_files(db, tasks))

    async def oldest_lease(self) -> float | None:
        await self._settled()
        return await self._people.read(needed.oldest_lease)

    async def close(self) -> None:
        """Write what waits, then let go. A batch that the disk refuses fails with JournalError."""
        await asyncio.to_thread(self._writer.close)
        await asyncio.to_thread(self._dispatch.close)
        await asyncio.to_thread(self._people.close)

    async def _settled(self) -> None:
        """Until every batch given so far is on disk, or has failed."""
        last = self._last
        if last is not None and not last.done():
            await asyncio.wait([last])
