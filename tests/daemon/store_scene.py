"""A memory store on a fake disk, with a clock that only moves when told."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Coroutine
from typing import Any

from tests.waiting import settle
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.store import MemoryStore
from tmaxd.spec import upkeep
from tmaxd.store.entries import Operation, Outcome, Put
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.store import FakeStore

Body = Callable[["Scene"], Coroutine[Any, Any, None]]


class Scene:
    def __init__(self) -> None:
        self.disk = FakeStore()
        self.clock = FakeClock()
        self.settings = upkeep.Store()
        self.cleans = True
        self.log = io.StringIO()
        self.reads = 0
        self.start()

    def start(self) -> None:
        """A daemon starts; one that was there has died."""
        disk, self.disk = self.disk, Counting(self)
        self.disk.entries, self.disk.seq, self.disk.reached = disk.entries, disk.seq, disk.reached
        log = EventLog(self.clock, self.log, human=True)
        self.memory = MemoryStore(
            self.disk, self.clock, lambda: self.settings, lambda: self.cleans, log
        )

    async def put(
        self, key: str, ns: str = "a", data: bytes = b"1", ttl: float | None = None
    ) -> None:
        assert (await self.do(Put(ns, key, "json", data, ttl)))[0].done

    async def do(self, *operations: Operation) -> list[Outcome]:
        return list(await self.memory.write(operations))

    async def value(self, key: str, ns: str = "a") -> bytes | None:
        entry = await self.memory.get(ns, key)
        return None if entry is None else entry.data

    async def pass_by(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.memory.look()
        await settle(100)

    def set_clock(self, by: float) -> None:
        """Somebody sets the wall's clock forward, or back."""
        self.clock.jump_wall(by)

    def on_disk(self, ns: str = "a") -> list[str]:
        return sorted(key for of, key in self.disk.entries if of == ns)


class Counting(FakeStore):
    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self._scene = scene

    async def get(self, places: Any) -> Any:
        self._scene.reads += 1
        return await super().get(places)


def play(body: Body) -> None:
    async def whole() -> None:
        scene = Scene()
        try:
            await body(scene)
        finally:
            await scene.memory.close()

    asyncio.run(whole())
