"""What the daemon has taken of a submit. Pure."""

from __future__ import annotations

from typing import Any, NamedTuple

from tmaxd.ctl import ids


class Taken(NamedTuple):
    """Tasks that are on disk: `first`, `first + 1`, …"""

    first: int
    number: int
    existing: bool = False
    """It was there already: it has the key."""


class Receipt:
    def __init__(self) -> None:
        self.ranges: ids.Ranges = []
        """New tasks, neighbours joined."""
        self.existing: list[int] = []
        self.total = 0
        """New ones."""

    @property
    def all(self) -> ids.Ranges:
        """The ones that were there already among them."""
        return [*self.ranges, *((id, 1) for id in self.existing)]

    def as_json(self) -> dict[str, Any]:
        return {"accepted": self.total, "ranges": self.ranges, "existing": self.existing}

    def add(self, taken: Taken) -> None:
        first, number, existing = taken
        if existing:
            self.existing.append(first)
            return
        self.total += number
        if self.ranges and sum(self.ranges[-1]) == first:
            self.ranges[-1] = (self.ranges[-1][0], self.ranges[-1][1] + number)
        else:
            self.ranges.append((first, number))
