"""The clean-up of the memory store: entries whose time is over, and those not written for long."""

from __future__ import annotations

from collections.abc import Sequence

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.store import MemoryStore
from tmaxd.ports import WorldError
from tmaxd.ports.store import Doomed, StoreError, Why
from tmaxd.spec.upkeep import Cleanup


class StoreCleaner:
    """A `Cleaner` of `what: memory`."""

    def __init__(self, memory: MemoryStore) -> None:
        self._memory = memory

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        """Ages are judged by the store's own time, which never goes back, and not by `now`."""
        ttl = None if entry.ttl is None else float(entry.ttl)
        try:
            await self.remove(ttl, entry.namespaces, report, dry=dry)
        except StoreError as error:
            raise WorldError(str(error)) from error

    async def remove(
        self, ttl: float | None, namespaces: Sequence[str], report: Report, *, dry: bool
    ) -> None:
        """What is over in any namespace, since nobody can have it any more; and what was not written for `ttl` seconds
        in these (in all, where none is named). Raises StoreError."""
        while doomed := await self._memory.expired():
            await self._go(doomed, "expire", report, dry=dry)
            if dry:  # only the first of them are told
                break
        after: int | None = None if ttl is None else 0
        while after is not None:
            doomed, after = await self._memory.old(ttl or 0.0, namespaces, after)
            await self._go(doomed, "clean", report, dry=dry)

    async def _go(self, doomed: Sequence[Doomed], why: Why, report: Report, *, dry: bool) -> None:
        """What was written anew meanwhile stays, and is not counted."""
        there = frozenset(one.version for one in doomed)
        gone = there if dry or not doomed else await self._memory.remove(doomed, why)
        note = "its time is over" if why == "expire" else ""
        for one in doomed:
            if one.version in gone:
                report.add(f"{one.ns}/{one.key}", one.size, note)
