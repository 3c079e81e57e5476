"""`FakeClock`: time that passes only when it is told to."""

from __future__ import annotations


class FakeClock:
    """Starts at 1,000 s after boot, on 2026-01-01 00:00 UTC."""

    def __init__(self, now: float = 1_000.0, wall: float = 1_767_225_600.0) -> None:
        self._now = now
        self._wall = wall

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return self._wall

    def advance(self, seconds: float) -> None:
        """Both clocks go on. Time never runs backwards, so a negative number is a ValueError."""
        if seconds < 0:
            raise ValueError(f"time cannot advance by {seconds} s")
        self._now += seconds
        self._wall += seconds

    def jump_wall(self, seconds: float) -> None:
        """Somebody sets the clock on the wall, forwards or back; delays must not notice."""
        self._wall += seconds
