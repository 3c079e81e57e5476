"""One thread that reads `memory.db`, with a connection of its own that it opens at the first question."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from tmaxd.ports.store import StoreError
from tmaxd.world.store.schema import opened, prepare

T = TypeVar("T")

UNREADABLE = (sqlite3.Error, ValueError, TypeError, LookupError)
"""What comes of a database that does not hold what it should."""


class Reader:
    def __init__(self, path: Path, name: str) -> None:
        self._path = path
        self._db: sqlite3.Connection | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self.trouble: str | None = None

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """What `query` gives, all of it as of one instant. Raises StoreError."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.run_in_executor(self._thread, self._at_once, query)
        except StoreError as error:
            self.trouble = str(error)
            raise
        except UNREADABLE as error:
            self.trouble = f"{self._path}: cannot be read: {error}"
            raise StoreError(self.trouble) from error
        except RuntimeError as error:
            raise StoreError(f"{self._path}: is closed") from error
        self.trouble = None
        return found

    def _at_once(self, query: Callable[[sqlite3.Connection], T]) -> T:
        db = self._db
        if db is None:
            if not prepare(self._path, create=False):
                raise StoreError(f"{self._path}: is gone; put it back, or start the daemon anew")
            db = opened(self._path)
            db.execute("PRAGMA query_only = 1")
            self._db = db
        try:
            db.execute("BEGIN")
            try:
                return query(db)
            finally:
                db.execute("ROLLBACK")
        except sqlite3.Error:
            self._db = None
            with suppress(sqlite3.Error):
                db.close()
            raise

    def close(self) -> None:
        """Blocks until the read under way has ended."""
        self._thread.shutdown()
        if self._db is not None:
            self._db.close()
            self._db = None
