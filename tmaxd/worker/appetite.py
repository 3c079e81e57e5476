"""How many tasks a runner asks for when nobody has said: a few while tasks are quick, so that the next one is there
when one is done; one while they are long, so that nothing waits behind them. Values only."""

from __future__ import annotations

NEVER = float("inf")

MOST = 4
"""Tasks to ask for while they are quick. Their round trip costs about as much as two of them."""

QUICK = 0.025
"""Seconds that a task may take to count as quick."""

ENOUGH = 3
"""Quick tasks in a row after which the next ones are taken to be quick as well."""

LONG = 0.05
"""Seconds after which what waits behind a task is for others: far more than to give it back costs."""


class Appetite:
    """Told when a task begins and ends; times are monotonic."""

    def __init__(self) -> None:
        self.window = 1
        self._quick = 0
        """Quick tasks in a row."""
        self._began = 0.0
        self.due = NEVER
        """When the task that runs turns out to be long; NEVER when it has."""
        self.is_long = False

    def begins(self, now: float) -> None:
        self._began = now
        self.due = now + LONG
        self.is_long = False

    def turns_long(self) -> None:
        """One is enough now."""
        self.due = NEVER
        self.is_long = True
        self._quick = 0
        self.window = 1

    def ends(self, now: float) -> None:
        if now - self._began >= QUICK:
            self._quick = 0
            return
        self._quick += 1
        if self._quick >= ENOUGH:
            self.window = MOST


class Fixed(Appetite):
    """The spec says how many, whatever they are like."""

    def __init__(self, window: int) -> None:
        super().__init__()
        self.window = window

    def begins(self, now: float) -> None:
        return

    def ends(self, now: float) -> None:
        return
