"""The memory store of a made-up fleet: all of the real one but the disk."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Sequence

from tmaxd.daemon.api.types import WorkerStatus
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.store import MemoryStore
from tmaxd.daemon.storeface import StoreFace
from tmaxd.spec import upkeep
from tmaxd.testing.store import FakeStore
from tmaxd.world.clock import SystemClock


class FakeMemory:
    def __init__(self, workers: Callable[[], Sequence[WorkerStatus]]) -> None:
        self.disk = FakeStore()
        self.settings = upkeep.Store()
        clock = SystemClock()
        log = EventLog(clock, io.StringIO(), human=True)
        self.owner = MemoryStore(self.disk, clock, lambda: self.settings, lambda: True, log)
        self.face = StoreFace(self.owner, workers, time.time)
