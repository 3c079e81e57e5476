"""What the API needs of the memory store. Times are of the wall; all raise `StoreError`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from tmaxd.daemon.api.types.memory import MemoryCleaned, MemoryStats
from tmaxd.ports.store import Page
from tmaxd.store.entries import Change, Entry, Operation, Outcome, Place


class Lagged(Exception):
    """Some of the changes that were asked for are not known any more."""


class MemoryFacade(Protocol):
    def max_value(self) -> int:
        """Bytes that one value may have."""

    async def get(self, ns: str, key: str) -> Entry | None: ...

    async def get_many(self, places: Sequence[Place]) -> Mapping[Place, Entry]: ...

    async def write(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        """Returns when all of it is on disk; an outcome for each."""

    async def page(self, ns: str, prefix: str, after: str, limit: int, *, values: bool) -> Page: ...

    async def search(self, ns: str, prefix: str, text: str, after: str, limit: int) -> Page: ...

    async def last_change(self) -> int: ...

    def changes(self, since: int, limit: int) -> Sequence[Change]:
        """Raises `Lagged`."""

    async def later_change(self, since: int) -> None:
        """Returns once there is a later one."""

    async def clean(
        self, ttl: float | None, namespaces: Sequence[str], *, dry: bool
    ) -> MemoryCleaned: ...

    async def stats(self) -> MemoryStats: ...
