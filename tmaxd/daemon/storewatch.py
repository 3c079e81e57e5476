"""The latest changes of the memory store, for those who watch: each reads them at its own pace, so that one who lags
costs nothing, and is told so when what it wants is no longer there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from tmaxd.store.entries import Change

KEPT: Final = 8192
"""Changes, at the least; at 200 bytes each about 2 MB, and twice as many before the older half is dropped."""


class Lagged(Exception):
    """What comes after the number that was asked for is not known any more; or that number was never given."""


class Changes:
    """One a daemon, in the loop's thread."""

    def __init__(self) -> None:
        self._kept: list[Change] = []
        self.last = 0
        """The number of the last change of all."""
        self._more = asyncio.Event()

    def begin(self, last: int) -> None:
        """What came before this daemon is not known."""
        self.last = last

    def add(self, changes: Sequence[Change], last: int) -> None:
        if len(self._kept) + len(changes) > 2 * KEPT:
            del self._kept[: max(0, len(self._kept) + len(changes) - KEPT)]
        self._kept += changes
        self.last = last
        if changes:
            self._more.set()
            self._more = asyncio.Event()

    def since(self, seq: int, limit: int) -> Sequence[Change]:
        """The first of those with a higher number. Raises Lagged."""
        begin = self.last - len(self._kept)
        if not begin <= seq <= self.last:
            raise Lagged
        return self._kept[seq - begin : seq - begin + limit]

    async def later(self, seq: int) -> None:
        """Returns once there is one with a higher number."""
        while self.last <= seq:
            await self._more.wait()
