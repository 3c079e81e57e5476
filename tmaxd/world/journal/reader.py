"""One thread that reads, with a connection of its own: no read blocks the loop, nor the reads of another reader."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from msgspec import MsgspecError

from tmaxd.ports import JournalError
from tmaxd.world.journal.schema import connect

T = TypeVar("T")

UNREADABLE = (sqlite3.Error, MsgspecError, TypeError, LookupError)
"""What comes of a database that does not hold what it should."""


class Reader:
    """`db` is taken over; without one, the first read connects."""

    def __init__(
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        name: str,
        db: sqlite3.Connection | None = None,
    ) -> None:
        self._path = path
        self._loop = loop
        self._db = db
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` gives, all of it as of one instant. Raises JournalError."""
        try:
            return await self._loop.run_in_executor(self._thread, self._at_once, query)
        except UNREADABLE as error:
            raise JournalError(f"{self._path}: cannot be read: {error}") from error
        except RuntimeError as error:
            raise JournalError(f"{self._path}: is closed") from error

    def _at_once(self, query: Callable[[sqlite3.Connection], T]) -> T:
        if self._db is None:
            self._db = read_only(connect(self._path))
        self._db.execute("BEGIN")
        try:
            return query(self._db)
        finally:
            self._db.execute("ROLLBACK")

    def close(self) -> None:
        """Blocks until the read under way has ended."""
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()


def read_only(db: sqlite3.Connection) -> sqlite3.Connection:
    db.execute("PRAGMA query_only = 1")
    return db
