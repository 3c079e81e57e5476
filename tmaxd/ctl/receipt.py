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
    state: str | None = None
    """How far that one is."""


class Receipt:
    def __init__(self) -> None:
        self.ranges: ids.Ranges = []
        """New tasks, neighbours joined."""
        self.existing: list[int] = []
        self.states: list[str] = []
        """Of those that were there already."""
        self.total = 0
        """New ones."""

    @property
    def all(self) -> ids.Ranges:
        """The ones that were there already among them."""
        return [*self.ranges, *((id, 1) for id in self.existing)]

    def as_json(self) -> dict[str, Any]:
        value = {"accepted": self.total, "ranges": self.ranges, "existing": self.existing}
        return value | ({"existing_states": self.states} if self.existing else {})

    def add(self, taken: Taken) -> None:
        first, number, existing, state = taken
        if existing:
            self.existing.append(first)
            self.states.append(state or "known")
            return
        self.total += number
        if self.ranges and sum(self.ranges[-1]) == first:
            self.ranges[-1] = (self.ranges[-1][0], self.ranges[-1][1] + number)
        else:
            self.ranges.append((first, number))
