"""Stores that can be closed and opened again: the real one, and its fake."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tmaxd.ports.store import Begun, Committed, Store
from tmaxd.store.entries import Operation, Outcome, Put
from tmaxd.store.limits import Limits
from tmaxd.testing.store import FakeStore
from tmaxd.world.store import SqliteStore

LIMITS = Limits()
NOW = 1000.0

Body = Callable[["World"], Coroutine[Any, Any, None]]
Run = Callable[[Body], None]


class World:
    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "memory.db" if folder else None
        self._fake = FakeStore()
        self.commits: list[Committed] = []
        self.now = NOW
        self.limits = LIMITS
        self.store: Store = self._open()

    def _open(self) -> Store:
        if self._path:
            store: Store = SqliteStore(self._path)
        else:
            old, self._fake = self._fake, FakeStore()
            self._fake.entries, self._fake.seq = old.entries, old.seq
            self._fake.reached = old.reached
            store = self._fake
        store.on_commit = self.commits.append
        return store

    async def reopen(self) -> Begun | None:
        await self.store.close()
        self.store = self._open()
        return await self.store.begin()

    async def do(self, *operations: Operation) -> list[Outcome]:
        return list(await self.store.write(operations, self.now, self.limits))

    async def put(self, *keys: str, ns: str = "a", data: bytes = b"1", ttl: Any = None) -> None:
        await self.do(*(Put(ns, key, "json", data, ttl) for key in keys))

    async def keys(self, ns: str = "a", prefix: str = "", after: str = "") -> list[str]:
        page = await self.store.page(ns, prefix, after, 1000, self.now, values=False)
        return [entry.key for entry in page.entries]

    async def value(self, key: str, ns: str = "a") -> bytes | None:
        found = await self.store.get([(ns, key)])
        return found[ns, key].data if (ns, key) in found else None


def runner(kind: str, folder: Path) -> Run:
    def run(body: Body) -> None:
        async def whole() -> None:
            world = World(folder if kind == "real" else None)
            try:
                await body(world)
            finally:
                await world.store.close()

        asyncio.run(whole())

    return run
