"""By how much something grows: the slope of a straight line through its last samples, by least squares. Pure.

The sums are kept in whole numbers (milliseconds, bytes), so that they stay exact for as long as a run lives.
"""

from __future__ import annotations

from collections import deque

MOST = 120
"""Samples that count: ten minutes with one each five seconds. Older ones would hide that something has begun to
leak."""
LEAST = 6
SPAN = 60.0
"""With fewer samples, or over less time (seconds), a start or a single task would look like growth."""


class Trend:
    """Of one run."""

    __slots__ = ("_first", "_points", "_t", "_tt", "_ty", "_y")

    def __init__(self) -> None:
        self._points: deque[tuple[int, int]] = deque()
        self._first: float | None = None
        self._t = self._y = self._tt = self._ty = 0

    def add(self, at: float, amount: int) -> None:
        """`at`: seconds, never less than before."""
        if self._first is None:
            self._first = at
        t = round((at - self._first) * 1000)
        self._points.append((t, amount))
        self._count(t, amount, 1)
        if len(self._points) > MOST:
            self._count(*self._points.popleft(), -1)

    def slope(self) -> float | None:
        """Per second; None: not known yet."""
        n = len(self._points)
        if n < LEAST or self._points[-1][0] - self._points[0][0] < SPAN * 1000:
            return None
        spread = n * self._tt - self._t**2
        return (n * self._ty - self._t * self._y) / spread * 1000

    def _count(self, t: int, y: int, sign: int) -> None:
        self._t += sign * t
        self._y += sign * y
        self._tt += sign * t * t
        self._ty += sign * t * y
