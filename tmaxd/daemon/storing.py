"""The memory store, put together when it is first used: nothing of it is imported while the workers are started."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from tmaxd.daemon.log import EventLog
from tmaxd.daemon.specfile import SpecFile
from tmaxd.ports import Clock, Files
from tmaxd.spec import upkeep
from tmaxd.spec.flags import effective

if TYPE_CHECKING:
    from tmaxd.daemon.store import MemoryStore
    from tmaxd.daemon.storeframes import StoreFrames
    from tmaxd.ports.store import Store
    from tmaxd.spec import upkeep
    from tmaxd.tasks.frames import Bad
    from tmaxd.tasks.store_frames import Stored


NONE_SAID = upkeep.Store()


class Storing:
    """One a daemon, in the loop's thread."""

    def __init__(
        self,
        store: Callable[[], Store],
        spec_file: SpecFile,
        files: Files,
        clock: Clock,
        log: EventLog,
    ) -> None:
        """`store` makes the port."""
        self._store = store
        self._spec_file = spec_file
        self._files = files
        self._clock = clock
        self._log = log
        self._memory: MemoryStore | None = None
        self._frames: StoreFrames | None = None

    @property
    def memory(self) -> MemoryStore:
        if self._memory is None:
            from tmaxd.daemon.store import MemoryStore

            self._memory = MemoryStore(
                self._store(), self._clock, self._settings, self._cleans, self._log
            )
        return self._memory

    def _settings(self) -> upkeep.Store:
        in_force = self._spec_file.in_force
        return in_force.spec.store if in_force else NONE_SAID

    def _cleans(self) -> bool:
        in_force = self._spec_file.in_force
        return effective(in_force.spec.flags if in_force else {}, "ttl_cleanup")

    def heard(self, worker: str, frames: Sequence[Stored]) -> list[Bad]:
        """Take in what a worker stores; what of it is no frame."""
        if self._frames is None:
            from tmaxd.daemon.storeframes import StoreFrames

            self._frames = StoreFrames(self.memory, self._files, self._log)
        return self._frames.heard(worker, frames)

    def look(self) -> None:
        """Called every few seconds."""
        if self._memory is not None:
            self._memory.look()

    def trouble(self) -> str | None:
        """Why it cannot be used, as far as anybody has tried."""
        return None if self._memory is None else self._memory.trouble()

    async def close(self) -> None:
        """What was read and is not stored is stored, unless the disk refuses."""
        if self._frames is not None:
            await self._frames.close()
        if self._memory is not None:
            await self._memory.close()
