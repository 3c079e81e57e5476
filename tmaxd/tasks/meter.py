"""How fast tasks end, and how long they wait and run: of a group (`Meter`) for status, of a run (`Pace`) for the
balance `fastest`. Bounded samples of the recent past.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Protocol

RATE_SECONDS = 10
SAMPLES = 256
"""Latest measurements that the percentiles are taken of."""

MEASURED = 8
"""Tasks measured of one batch: enough for the percentiles, and no cost a task where batches are large."""

NEWEST = 0.25
"""What the newest task counts for in the moving average of a pace."""


class Timed(Protocol):
    """A task, as far as its times are concerned; wall times in seconds."""

    at: float
    """When it was submitted."""
    sent: float
    started: float | None


class Meter:
    __slots__ = ("_buckets", "_first", "_second", "dealt", "run_times", "wait_times")

    def __init__(self) -> None:
        self._buckets = [0] * (RATE_SECONDS + 1)
        self._second = 0
        self._first = 0
        self.dealt = 0
        """Tasks handed out by `fastest`."""
        self.run_times: deque[float] = deque(maxlen=SAMPLES)
        """Seconds from start (sending, where no start was reported) to result."""
        self.wait_times: deque[float] = deque(maxlen=SAMPLES)
        """Seconds from submission to start (or sending)."""

    def ended(self, now: float, count: int) -> None:
        """So many attempts ended at `now`."""
        self._turn(int(now))
        self._buckets[self._second % len(self._buckets)] += count

    def measure(self, now: float, tasks: Sequence[Timed]) -> None:
        """Take the times of these tasks, which were done at `now`; of many, of some that stand for all."""
        for task in tasks[:: (len(tasks) + MEASURED - 1) // MEASURED or 1]:
            began = task.sent if task.started is None else task.started
            self.run_times.append(now - began)
            self.wait_times.append(began - task.at)

    def rate(self, now: float) -> float:
        """Attempts that ended, a second, over the last ten whole seconds, or over as many as there are since
        the first."""
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


class Pace:
    """How long one run takes for a task, as a moving average of those it has done.

    Failures are left out: a worker that refuses everything at once is not a fast one."""

    __slots__ = ("_busy_until", "_doubted", "dealt", "seconds")

    def __init__(self) -> None:
        self.seconds: float | None = None
        """None until something is known."""
        self.dealt: int | None = None
        """`Meter.dealt` when it was last given a task; None: never."""
        self._busy_until = 0.0
        self._doubted = False

    def ended(self, seconds: float, count: int = 1) -> None:
        """It has done `count` tasks, and took so long for each."""
        seconds = max(seconds, 0.0)
        if self.seconds is None or self._doubted:
            self.seconds = seconds
            self._doubted = False
            return
        weight = NEWEST if count == 1 else 1.0 - (1.0 - NEWEST) ** count
        self.seconds += (seconds - self.seconds) * weight

    def batch(self, began: float, now: float, count: int) -> None:
        """It has done `count` tasks, of which the earliest began at `began`, and says so at `now`.

        Tasks that it did together, or that waited in it for one another, share the time since it last said
        something: what is measured is how fast it gets through what it has."""
        if began < self._busy_until <= now:  # a later one than now: the clock was set back
            began = self._busy_until
        self.ended((now - began) / count, count)
        self._busy_until = now

    def doubt(self) -> None:
        """What is known is old: the next task replaces it."""
        self._doubted = True


def percentiles(samples: Iterable[float]) -> tuple[float, float] | None:
    """(p50, p99), by nearest rank; None of nothing."""
    ordered = sorted(samples)
    if not ordered:
        return None
    last = len(ordered) - 1
    return ordered[round(last * 0.5)], ordered[round(last * 0.99)]
