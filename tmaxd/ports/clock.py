"""The port `Clock`: the time."""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now(self) -> float:
        """Monotonic seconds, for delays."""

    def wall(self) -> float:
        """Seconds since the epoch, for what people read and for schedules."""
