"""The port `Store`: the entries of the memory store on disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Literal, Protocol

import msgspec

from tmaxd.store.entries import Change, ChangeWord, Entry, Operation, Outcome, Place, Total
from tmaxd.store.limits import Limits


class StoreError(Exception):
    """The memory store cannot be read or written; the text says which file, why, and what to do."""


class Begun(msgspec.Struct, frozen=True):
    """What the store held when it was opened."""

    seq: int = 0
    """The number of the last change."""
    reached: float = float("-inf")
    """The latest time that it has known."""
    totals: Mapping[str, Total] = {}
    next_expiry: float | None = None
    """When the first entry expires that does."""


class Committed(msgspec.Struct, frozen=True):
    """What one commit has done."""

    seq: int
    changes: Sequence[Change]
    totals: Mapping[str, Total]
    """Of the namespaces that have changed; those that are empty now have no keys."""
    over: Sequence[str]
    """Namespaces that still hold more than they may: `trim` them."""
    entries: Mapping[Place, Entry] = {}
    """What was written, as far as it is still there."""


class Doomed(msgspec.Struct, frozen=True):
    """An entry that may go, without its value."""

    version: int
    ns: str
    key: str
    size: int


class Page(msgspec.Struct, frozen=True):
    entries: tuple[Entry, ...]
    """By key. Without values where they were not asked for: `data` is empty then."""
    after: str | None = None
    """The last key that was looked at, where there are more behind it."""
    sizes: tuple[int, ...] = ()
    """Bytes of the value of each."""


Why = Literal["expire", "clean"]


class Store(Protocol):
    """One writer with group commit. Where nothing was ever stored, nothing is on disk, and reading makes nothing.

    All raise StoreError. Times are the store's own (`tmaxd.store.moments`)."""

    on_commit: Callable[[Committed], None]
    """Called in the loop after each commit, before the writes that came with it are answered."""

    async def begin(self) -> Begun | None:
        """Open what an earlier daemon left; None: there is nothing."""

    def write(
        self,
        operations: Sequence[Operation],
        now: float,
        limits: Limits,
        used: Sequence[tuple[Place, int]] = (),
    ) -> Awaitable[Sequence[Outcome]]:
        """Resolves when all of it is on disk (fsync), in one commit, with an outcome for each. Commits are in the
        order of the calls. A namespace that holds too much loses what was used longest ago, a bounded number at a
        time. `used`: places that were read, and the number of the last change at that time."""

    def remove(self, versions: Sequence[int], why: Why, now: float) -> Awaitable[Sequence[Outcome]]:
        """Delete those entries that still have these versions; an outcome for each that had. Bounded by the caller."""

    def trim(
        self, namespaces: Sequence[str], now: float, limits: Limits
    ) -> Awaitable[Sequence[Outcome]]:
        """Have a bounded number of entries go from each that holds too much."""

    async def get(self, places: Sequence[Place]) -> Mapping[Place, Entry]:
        """Those that there are, expired ones too."""

    async def page(
        self, ns: str, prefix: str, after: str, limit: int, now: float, *, values: bool
    ) -> Page:
        """Up to `limit` that begin with `prefix` and come after `after`, by key. Fewer, with `after` set, where
        values are large or many have expired."""

    async def search(
        self, ns: str, prefix: str, text: str, after: str, limit: int, now: float
    ) -> Page:
        """Likewise, with values, of those in which `text` is found. A bounded number is looked at."""

    async def expired(self, now: float, limit: int) -> tuple[Sequence[Doomed], float | None]:
        """The first to have expired; and when the first of the others will."""

    async def old(
        self, before: float, namespaces: Sequence[str], after: int, limit: int
    ) -> tuple[Sequence[Doomed], int | None]:
        """Those not written since, with a version above `after`, by version, of all namespaces where none is named; and
        where to go on, None: there are no more. A bounded number is looked at."""

    def trouble(self) -> str | None:
        """Why it cannot be read or written at the moment; None: it can, or nobody has tried."""

    async def close(self) -> None:
        """Write what waits, then let go."""


__all__ = ["Begun", "ChangeWord", "Committed", "Doomed", "Page", "Store", "StoreError", "Why"]
