"""The memory store of a fleet: the one owner of what is in it. Whoever stores or reads comes by here.

It is opened when it is first used, or once the daemon shows itself to the outside, if an earlier one has left entries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import msgspec

from tmaxd.daemon.log import EventLog
from tmaxd.daemon.storecache import Cache
from tmaxd.daemon.storewatch import Changes
from tmaxd.ports import Clock
from tmaxd.ports.store import Committed, Doomed, Page, Store, StoreError, Why
from tmaxd.spec import upkeep
from tmaxd.store.entries import Entry, Operation, Outcome, Place, Total
from tmaxd.store.limits import Bounds, Limits
from tmaxd.store.moments import StoreTime

SLICE: Final = 512
"""Entries that are deleted at once: about 5 ms of the writer's time, and others are served between two of them."""

USED: Final = 4096
"""Places whose last use is kept in memory. It is written down when there are more, or when it may decide what goes."""


class Tally(msgspec.Struct):
    """Counted since the daemon started."""

    hits: int = 0
    misses: int = 0
    evicted: int = 0
    expired: int = 0


class MemoryStore:
    """One a daemon, in the loop's thread."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        settings: Callable[[], upkeep.Store],
        cleans: Callable[[], bool],
        log: EventLog,
    ) -> None:
        """`settings`: of the spec in force. `cleans`: entries whose time is over are deleted."""
        self._store = store
        self._clock = clock
        self._settings = settings
        self._cleans = cleans
        self._log = log
        self._time = StoreTime()
        self._cache = Cache()
        self._used: dict[Place, int] = {}
        self._commits = 0
        self._next_expiry: float | None = None
        self._opening: asyncio.Task[None] | None = None
        self._open = False
        self._sweeping: asyncio.Task[None] | None = None
        self._seen: upkeep.Store | None = None
        self._limits = Limits()
        self.totals: dict[str, Total] = {}
        """Of the namespaces that hold something."""
        self.tallies: dict[str, Tally] = {}
        self.misses = 0
        """In namespaces that hold nothing."""
        self.changes = Changes()
        store.on_commit = self._committed

    # ------------------------------------------------------------------------------------ life

    async def begin(self) -> None:
        """Take up what an earlier daemon left. What is wrong with it is said, and does not stop anything else."""
        try:
            await self.opened()
        except StoreError as error:
            self._log.error("store_unreadable", text=f"  {error}")

    def look(self) -> None:
        """Called every few seconds: see whether there is something to delete."""
        if not self._open:
            return
        self.limits()
        due = self._next_expiry is not None and self._next_expiry <= self.now()
        if due and self._cleans() and (self._sweeping is None or self._sweeping.done()):
            self._sweeping = asyncio.ensure_future(self._sweep())

    async def close(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
            await asyncio.gather(self._sweeping, return_exceptions=True)
        if self._used and self._open:
            self._flush()
        await self._store.close()

    def trouble(self) -> str | None:
        return self._store.trouble()

    def now(self) -> float:
        """The store's time, of which entries are written and expire."""
        return self._time.at(self._clock.wall(), self._clock.now())

    def ahead(self) -> float:
        """Seconds by which it is ahead of the wall's."""
        return self.now() - self._clock.wall()

    def limits(self) -> Limits:
        """Those of the spec in force; what holds too much by new ones loses some of it."""
        settings = self._settings()
        if settings is not self._seen:
            self._seen, self._limits = settings, limits_of(settings)
            over = [ns for ns, t in self.totals.items() if self._limits.of(ns).over(t)]
            if over:
                _forget(self._store.trim(over, self.now(), self._limits))
        return self._limits

    # ---------------------------------------------------------------------------------- entries

    async def get(self, ns: str, key: str) -> Entry | None:
        """Raises StoreError."""
        place = (ns, key)
        entry = self._cache.get(place)
        if entry is None:
            await self.opened()
            if ns in self.totals:
                entry = await self._read(place)
        return self._found(ns, place, entry)

    async def get_many(self, places: Sequence[Place]) -> Mapping[Place, Entry]:
        """Those that there are and live; not counted, and not taken for a use."""
        await self.opened()
        now = self.now()
        found = await self._store.get(places)
        return {p: e for p, e in found.items() if e.expires is None or e.expires > now}

    async def write(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        """Returns when it is on disk. Raises StoreError."""
        if not self._open:
            await self.opened()
        limits = self.limits()
        tight = {
            op.ns
            for op in operations
            if op.ns in self.totals and limits.of(op.ns).tight(self.totals[op.ns])
        }
        return await self._store.write(
            operations, self.now(), limits, self._used_in(tight) if tight and self._used else ()
        )

    async def page(self, ns: str, prefix: str, after: str, limit: int, *, values: bool) -> Page:
        await self.opened()
        return await self._store.page(ns, prefix, after, limit, self.now(), values=values)

    async def search(self, ns: str, prefix: str, text: str, after: str, limit: int) -> Page:
        await self.opened()
        return await self._store.search(ns, prefix, text, after, limit, self.now())

    # ----------------------------------------------------------------------------- what is to go

    async def old(
        self, age: float, namespaces: Sequence[str], after: int
    ) -> tuple[Sequence[Doomed], int | None]:
        """Some of those not written for `age` seconds, and where to go on; None: there are no more."""
        await self.opened()
        return await self._store.old(self.now() - age, namespaces, after, SLICE)

    async def expired(self) -> Sequence[Doomed]:
        """The first of those whose time is over."""
        await self.opened()
        found, self._next_expiry = await self._store.expired(self.now(), SLICE)
        return found

    async def remove(self, doomed: Sequence[Doomed], why: Why) -> frozenset[int]:
        """Returns when it is on disk: the versions of those that were still there as they were."""
        versions = [one.version for one in doomed]
        outcomes = await self._store.remove(versions, why, self.now())
        return frozenset(outcome.version for outcome in outcomes)

    async def _sweep(self) -> None:
        try:
            while doomed := await self.expired():
                await self.remove(doomed, "expire")
                if not self._cleans():
                    return
        except StoreError as error:
            # The next look tries it again; who stores or reads is told, too.
            self._log.error("store_trouble", text=f"  {error}")

    # ------------------------------------------------------------------------------------ inside

    async def opened(self) -> None:
        """Returns when what an earlier daemon left is known. Raises StoreError."""
        if self._open:
            return
        if self._opening is None or self._opening.done():
            self._opening = asyncio.ensure_future(self._take_up())
        await asyncio.shield(self._opening)

    async def _take_up(self) -> None:
        begun = await self._store.begin()
        if begun is not None:
            self._time.at_least(begun.reached, self._clock.now())
            self.totals = dict(begun.totals)
            self._next_expiry = begun.next_expiry
            self.changes.begin(begun.seq)
        self._open = True

    async def _read(self, place: Place) -> Entry | None:
        before = self._commits
        entry = (await self._store.get([place])).get(place)
        # What was written meanwhile may be newer than what was read.
        if entry is not None and before == self._commits:
            self._cache.put(entry)
        return entry

    def _found(self, ns: str, place: Place, entry: Entry | None) -> Entry | None:
        """Counted, and its use noted; None where its time is over."""
        if entry is not None and entry.expires is not None and entry.expires <= self.now():
            entry = None
        if ns not in self.totals:
            self.misses += 1
        elif entry is None:
            self._tally(ns).misses += 1
        else:
            self._tally(ns).hits += 1
            self._used[place] = self.changes.last
            if len(self._used) >= USED:
                self._flush()
        return entry

    def _tally(self, ns: str) -> Tally:
        tally = self.tallies.get(ns)
        if tally is None:
            tally = self.tallies[ns] = Tally()
        return tally

    def _used_in(self, namespaces: set[str]) -> Sequence[tuple[Place, int]]:
        found = [(place, seq) for place, seq in self._used.items() if place[0] in namespaces]
        for place, _ in found:
            del self._used[place]
        return found

    def _flush(self) -> None:
        used, self._used = self._used, {}
        _forget(self._store.write((), self.now(), self.limits(), list(used.items())))

    def _committed(self, done: Committed) -> None:
        self._commits += 1
        for change in done.changes:
            if change.what != "put":
                self._gone((change.ns, change.key), change.what)
        for entry in done.entries.values():
            self._cache.put(entry)
            if entry.expires is not None:
                self._next_expiry = min(entry.expires, self._next_expiry or entry.expires)
        for ns, total in done.totals.items():
            if total.keys:
                self.totals[ns] = total
            else:
                self.totals.pop(ns, None)
                self.tallies.pop(ns, None)
        self.changes.add(done.changes, done.seq)
        if done.over:
            _forget(self._store.trim(done.over, self.now(), self._limits))

    def _gone(self, place: Place, what: str) -> None:
        self._cache.drop(place)
        if what == "evict":
            self._tally(place[0]).evicted += 1
        elif what == "expire":
            self._tally(place[0]).expired += 1


def limits_of(store: upkeep.Store) -> Limits:
    named = {
        name: Bounds(n.max_keys, n.max_size, None if n.ttl is None else float(n.ttl))
        for name, n in store.namespaces.items()
    }
    return Limits(store.max_value, named, named.pop("*", Bounds()))


def _forget(writing: Awaitable[object]) -> None:
    """Nobody waits for it; what is wrong is told to who stores next."""

    async def wait() -> None:
        try:
            await writing
        except StoreError:
            return

    _BACKGROUND.add(task := asyncio.ensure_future(wait()))
    task.add_done_callback(_BACKGROUND.discard)


_BACKGROUND: Final[set[asyncio.Task[None]]] = set()
