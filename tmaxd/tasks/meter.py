"""How fast a group's tasks end, and how long they wait and run: bounded samples of the recent past."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

RATE_SECONDS = 10
SAMPLES = 256
"""Latest tasks that the percentiles are taken of."""


class Meter:
    __slots__ = ("_buckets", "_first", "_second", "run_times", "wait_times")

    def __init__(self) -> None:
        self._buckets = [0] * (RATE_SECONDS + 1)
        self._second = 0
        self._first = 0
        self.run_times: deque[float] = deque(maxlen=SAMPLES)
        """Seconds from start (sending, where no start was reported) to result."""
        self.wait_times: deque[float] = deque(maxlen=SAMPLES)
        """Seconds from submission to start (or sending)."""

    def ended(self, now: float, count: int) -> None:
        self._turn(int(now))
        self._buckets[self._second % len(self._buckets)] += count

    def rate(self, now: float) -> float:
        """Tasks a second over the last ten whole seconds, or over as many as there are since the first."""
        self._turn(int(now))
        seconds = min(RATE_SECONDS, self._second - self._first)
        current = self._buckets[self._second % len(self._buckets)]
        if seconds == 0:
            return float(current)
        return (sum(self._buckets) - current) / seconds

    def _turn(self, second: int) -> None:
        passed = second - self._second
        if passed == 0:
            return
        if not 0 < passed <= RATE_SECONDS:  # a long pause, or the clock was set back: begin anew
            self._buckets = [0] * len(self._buckets)
            self._first = second
        else:
            for step in range(1, passed + 1):
                self._buckets[(self._second + step) % len(self._buckets)] = 0
        self._second = second


def percentiles(samples: Iterable[float]) -> tuple[float, float] | None:
    """(p50, p99), by nearest rank; None of nothing."""
    ordered = sorted(samples)
    if not ordered:
        return None
    last = len(ordered) - 1
    return ordered[round(last * 0.5)], ordered[round(last * 0.99)]
