"""The memory store as the API sees it: with wall times, and with the fleet's workers as the namespace `worker`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.memory_facade import Lagged
from tmaxd.daemon.api.types.memory import MemoryCleaned, MemoryStats, NamespaceStats
from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.store import MemoryStore, Tally
from tmaxd.daemon.storecleaner import StoreCleaner
from tmaxd.daemon.storewatch import Lagged as TooOld
from tmaxd.ports.store import Page
from tmaxd.store.entries import Change, Entry, Operation, Outcome, Place
from tmaxd.store.names import WORKERS
from tmaxd.store.values import Needle

PARTS = {
    "state": ("state", "reason", "message", "since", "ready", "healthy", "pending"),
    "heartbeat": ("heard", "silent"),
}
"""Key to the fields of a worker's status that it shows; all others are its `stats`."""

ABOUT = frozenset({"name", "group", "conditions"}.union(*PARTS.values()))

_encode = msgspec.json.Encoder().encode


class StoreFace:
    """Implements `api.memory_facade.MemoryFacade`."""

    def __init__(
        self,
        memory: MemoryStore,
        workers: Callable[[], Sequence[t.WorkerStatus]],
        wall: Callable[[], float],
    ) -> None:
        self._memory = memory
        self._cleaner = StoreCleaner(memory)
        self._workers = workers
        self._wall = wall

    def max_value(self) -> int:
        return self._memory.limits().max_value

    async def get(self, ns: str, key: str) -> Entry | None:
        if ns == WORKERS:
            return next((e for e in self._shown(key) if e.key == key), None)
        found = await self._memory.get(ns, key)
        return None if found is None else self._walled(found)

    async def get_many(self, places: Sequence[Place]) -> Mapping[Place, Entry]:
        return await self._memory.get_many(places)

    async def write(self, operations: Sequence[Operation]) -> Sequence[Outcome]:
        ahead = self._memory.ahead()
        found = await self._memory.write(operations)
        return [
            o if o.expires is None else msgspec.structs.replace(o, expires=o.expires - ahead)
            for o in found
        ]

    async def page(self, ns: str, prefix: str, after: str, limit: int, *, values: bool) -> Page:
        if ns == WORKERS:
            return _paged([e for e in self._shown(prefix) if e.key > after], limit)
        return self._walled_page(await self._memory.page(ns, prefix, after, limit, values=values))

    async def search(self, ns: str, prefix: str, text: str, after: str, limit: int) -> Page:
        if ns == WORKERS:
            needle = Needle(text)
            found = (e for e in self._shown(prefix) if e.key > after and needle.found_in(e))
            return _paged(list(found), limit)
        return self._walled_page(await self._memory.search(ns, prefix, text, after, limit))

    async def last_change(self) -> int:
        await self._memory.opened()
        return self._memory.changes.last

    def changes(self, since: int, limit: int) -> Sequence[Change]:
        try:
            return self._memory.changes.since(since, limit)
        except TooOld:
            raise Lagged from None

    async def later_change(self, since: int) -> None:
        await self._memory.changes.later(since)

    async def clean(
        self, ttl: float | None, namespaces: Sequence[str], *, dry: bool
    ) -> MemoryCleaned:
        report = Report()
        await self._cleaner.remove(ttl, namespaces, report, dry=dry)
        return MemoryCleaned(count=report.count, bytes=report.bytes)

    async def stats(self) -> MemoryStats:
        await self._memory.opened()
        memory, limits = self._memory, self._memory.limits()
        rows = []
        for ns, total in sorted(memory.totals.items()):
            bounds, tally = limits.of(ns), memory.tallies.get(ns, Tally())
            rows.append(
                NamespaceStats(
                    ns=ns,
                    keys=total.keys,
                    bytes=total.bytes,
                    max_keys=bounds.max_keys,
                    max_size=bounds.max_size,
                    ttl=bounds.ttl,
                    hits=tally.hits,
                    misses=tally.misses,
                    evicted=tally.evicted,
                    expired=tally.expired,
                )
            )
        return MemoryStats(
            namespaces=tuple(rows),
            seq=memory.changes.last,
            misses=memory.misses,
            trouble=memory.trouble(),
        )

    # ------------------------------------------------------------------------------- the workers

    def _shown(self, prefix: str) -> Iterator[Entry]:
        """The entries of workers that begin with `prefix`, by key, made of what is known at this moment."""
        now = self._wall()
        found: list[tuple[str, t.WorkerStatus, str]] = []
        for worker in self._workers():
            for part in (*PARTS, "stats"):
                key = f"{worker.name}/{part}"
                if key.startswith(prefix):
                    found.append((key, worker, part))
        for key, worker, part in sorted(found, key=lambda one: one[0]):
            names = PARTS.get(part) or [n for n in worker.__struct_fields__ if n not in ABOUT]
            value = {name: getattr(worker, name) for name in names}
            yield Entry(WORKERS, key, 0, "json", _encode(value), now)

    # --------------------------------------------------------------------------------- wall times

    def _walled(self, entry: Entry) -> Entry:
        ahead = self._memory.ahead()
        if ahead < 0.001:
            return entry
        expires = None if entry.expires is None else entry.expires - ahead
        return msgspec.structs.replace(entry, written=entry.written - ahead, expires=expires)

    def _walled_page(self, page: Page) -> Page:
        return msgspec.structs.replace(page, entries=tuple(map(self._walled, page.entries)))


def _paged(entries: Sequence[Entry], limit: int) -> Page:
    shown = tuple(entries[:limit])
    more = shown[-1].key if len(entries) > limit else None
    return Page(shown, more, tuple(len(e.data) for e in shown))
