"""The store's own time: that of the wall, but never back.

An entry's end is a time of the wall, so that it outlives the daemon. Where somebody sets the clock back, what has
expired must not come to life again: the store's time goes on from where it was, a second a second, until the wall has
caught up. Where somebody sets it forward, time has passed, and what was to live until then has expired. The highest
time is written down with each commit, so the next daemon begins there.
"""

from __future__ import annotations


class StoreTime:
    def __init__(self) -> None:
        self._ahead = float("-inf")
        """What to add to monotonic time to get the store's; it only grows."""

    def at_least(self, reached: float, now: float) -> None:
        """The store has been at `reached`; `now` is monotonic."""
        self._ahead = max(self._ahead, reached - now)

    def at(self, wall: float, now: float) -> float:
        """The store's time."""
        self._ahead = max(self._ahead, wall - now)
        return now + self._ahead
