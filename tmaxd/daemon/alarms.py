"""Things that are due at times of our clock, each at most once. One timer of the event loop serves them all."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Hashable
from itertools import count
from typing import Generic, TypeVar

from tmaxd.ports import Clock

K = TypeVar("K", bound=Hashable)


class Alarms(Generic[K]):
    """`ring` is called with what is due; it may set the next alarm at once."""

    def __init__(self, clock: Clock, ring: Callable[[K], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due: dict[K, float] = {}
        self._heap: list[tuple[float, int, K]] = []
        """An entry whose time is not the one in `_due` is void."""
        self._numbers = count()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def set(self, key: K, due: float) -> None:
        """In place of the one that it may have."""
        self._due[key] = due
        heapq.heappush(self._heap, (due, next(self._numbers), key))
        self._arm()

    def clear(self, key: K) -> None:
        self._due.pop(key, None)

    def tend(self) -> None:
        """Ring whatever is due by now. To call it more often than the timer does is harmless."""
        self._disarm()
        now = self._clock.now()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == due:
                del self._due[key]
                self._ring(key)
        self._arm()

    def close(self) -> None:
        self._due.clear()
        self._heap.clear()
        self._disarm()

    def _arm(self) -> None:
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            self._disarm()
            return
        first = self._heap[0][0]
        if self._timer is not None and self._timer_at == first:
            return
        self._disarm()
        delay = max(first - self._clock.now(), 0.0)
        self._timer, self._timer_at = asyncio.get_running_loop().call_later(delay, self.tend), first

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
