"""The Store port on SQLite: a thread that writes and two that read, all of which begin when there is something to do.

Single entries are read apart from pages and searches, so that a long look does not keep them waiting.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from tmaxd.ports.store import Begun, Committed, Doomed, Page, StoreError, Why
from tmaxd.store.entries import Entry, Operation, Place
from tmaxd.store.limits import Limits

if TYPE_CHECKING:
    import sqlite3

    from tmaxd.world.store.reader import Reader
    from tmaxd.world.store.writer import Answer, Writer

T = TypeVar("T")


def _unheard(_: Committed) -> None:
    pass


class SqliteStore:
    """See `tmaxd.ports.store.Store`. Nothing is opened, and nothing of SQLite imported, before it is used."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: Writer | None = None
        self._readers: dict[str, Reader] = {}
        self._closed = False
        self.on_commit: Callable[[Committed], None] = _unheard

    async def begin(self) -> Begun | None:
        from tmaxd.world.store.reading import begun

        if not self._there():
            return None
        return await self._read("scans", begun, None)

    # ---------------------------------------------------------------------------------- writing

    def write(
        self,
        operations: Sequence[Operation],
        now: float,
        limits: Limits,
        used: Sequence[tuple[Place, int]] = (),
    ) -> Answer:
        from tmaxd.world.store.commit import Batch

        return self._writing().write(Batch(operations, now, limits, used))

    def remove(self, versions: Sequence[int], why: Why, now: float) -> Answer:
        from tmaxd.world.store.commit import Batch

        return self._writing().write(Batch(now=now, doomed=versions, why=why))

    def trim(self, namespaces: Sequence[str], now: float, limits: Limits) -> Answer:
        from tmaxd.world.store.commit import Batch

        return self._writing().write(Batch(now=now, limits=limits, trim=namespaces))

    def _writing(self) -> Writer:
        if self._closed:
            raise StoreError(f"{self._path}: is closed; nothing more is written")
        if self._writer is None:
            from tmaxd.world.store.writer import Writer

            loop = asyncio.get_running_loop()
            self._writer = Writer(self._path, loop, lambda done: self.on_commit(done))
        return self._writer

    # ---------------------------------------------------------------------------------- reading

    async def get(self, places: Sequence[Place]) -> Mapping[Place, Entry]:
        from tmaxd.world.store.reading import get

        return await self._read("entries", partial(get, places=places), {})

    async def page(
        self, ns: str, prefix: str, after: str, limit: int, now: float, *, values: bool
    ) -> Page:
        from tmaxd.world.store.reading import page

        query = partial(
            page, ns=ns, prefix=prefix, after=after, limit=limit, now=now, values=values
        )
        return await self._read("scans", query, Page(()))

    async def search(
        self, ns: str, prefix: str, text: str, after: str, limit: int, now: float
    ) -> Page:
        from tmaxd.world.store.reading import search

        query = partial(search, ns=ns, prefix=prefix, text=text, after=after, limit=limit, now=now)
        return await self._read("scans", query, Page(()))

    async def expired(self, now: float, limit: int) -> tuple[Sequence[Doomed], float | None]:
        from tmaxd.world.store.reading import expired

        return await self._read("scans", partial(expired, now=now, limit=limit), ((), None))

    async def old(
        self, before: float, namespaces: Sequence[str], after: int, limit: int
    ) -> tuple[Sequence[Doomed], int | None]:
        from tmaxd.world.store.reading import old

        query = partial(old, before=before, namespaces=namespaces, after=after, limit=limit)
        return await self._read("scans", query, ((), None))

    async def _read(self, name: str, query: Callable[[sqlite3.Connection], T], nothing: T) -> T:
        """`nothing`: what it is where there is no database."""
        if not self._there():
            return nothing
        reader = self._readers.get(name)
        if reader is None:
            from tmaxd.world.store.reader import Reader

            reader = self._readers[name] = Reader(self._path, f"store-{name}")
        return await reader.read(query)

    def _there(self) -> bool:
        if self._closed:
            raise StoreError(f"{self._path}: is closed")
        return bool(self._readers) or os.path.lexists(self._path) or self._torn()

    def _torn(self) -> bool:
        """A WAL without its database is damage, which must not pass for nothing."""
        try:
            return os.path.getsize(f"{self._path}-wal") > 0
        except OSError:
            return False

    # ------------------------------------------------------------------------------------ life

    def trouble(self) -> str | None:
        found = [self._writer.trouble if self._writer else None]
        found += [reader.trouble for reader in self._readers.values()]
        return next((why for why in found if why), None)

    async def close(self) -> None:
        self._closed = True
        if self._writer is not None:
            await asyncio.to_thread(self._writer.close)
        for reader in self._readers.values():
            await asyncio.to_thread(reader.close)
