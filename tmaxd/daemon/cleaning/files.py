"""The clean-up `files`: what the user's globs name, in folders that he has declared."""

from __future__ import annotations

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.ports.sweeping import Sweep, Sweeper
from tmaxd.spec.upkeep import Cleanup


class FilesCleaner:
    """`Cleaner`."""

    def __init__(self, sweeper: Sweeper) -> None:
        self._sweeper = sweeper

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        """Without `apply` it is only told what would go."""
        order = Sweep(
            globs=entry.files,
            roots=entry.roots,
            before=None if entry.ttl is None else now - float(entry.ttl),
            dry=dry or not entry.apply,
        )
        await self._sweeper.sweep(order, report)
