"""Daemons that go away while somebody waits for what they do, and come back: a wait is for the tasks, not for one
daemon."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import NoDaemon, TimedOut
from tmaxd.ctl.text import span

LOOK_EVERY = 0.2
"""Seconds between two looks for a daemon that is away."""

MOST_CUTS = 4
"""Answers one after the other that a daemon which is there may break off."""

STABLE = 5.0
"""Seconds after which an answer that is broken off is a new story."""

T = TypeVar("T")


@dataclass(frozen=True)
class Deadline:
    """When a wait is given up."""

    seconds: float | None
    """As the user gave it; None: never."""
    at: float
    """By the monotonic clock."""

    @property
    def left(self) -> float:
        return self.at - time.monotonic()

    @property
    def over(self) -> bool:
        return self.left <= 0


def deadline_in(seconds: float | None) -> Deadline:
    return Deadline(seconds, inf if seconds is None else time.monotonic() + seconds)


NEVER = deadline_in(None)


class Late(Exception):
    """The deadline has come first. `away`: for so many seconds there has been no daemon; None where there is one."""

    def __init__(self, away: float | None = None) -> None:
        super().__init__("late")
        self.away = away


class Steady:
    """Asks one fleet's daemon, and the next one where that has gone. `met`: it has answered already; before, that
    there is none is an error like any other."""

    def __init__(self, console: Console, api: Api, deadline: Deadline, *, met: bool) -> None:
        self._console = console
        self._api = api
        self._deadline = deadline
        self._met = met

    def ask(self, each: Callable[[], T]) -> T:
        """What `each` gives; it is called anew whenever the daemon has gone and come back. Raises `Late`."""
        cuts = 0
        while True:
            begun = time.monotonic()
            try:
                value = each()
            except (NoDaemon, TimedOut) as error:
                if self._deadline.over:
                    raise Late from error
                if not self._met and error.word == "no_daemon":
                    raise
                self._met = True
                # It is there, or there again, but its answer was cut: not for ever.
                cuts = cuts + 1 if time.monotonic() - begun < STABLE else 1
                if not self._answers():
                    cuts = 0
                    self._until_back()
                elif cuts >= MOST_CUTS:
                    raise
                else:
                    self._pause(LOOK_EVERY * 2 ** (cuts - 1))
            else:
                self._met = True
                return value

    def _pause(self, seconds: float) -> None:
        time.sleep(max(0.0, min(seconds, self._deadline.left)))

    def _until_back(self) -> None:
        begun = time.monotonic()
        fleet = self._api.fleet
        self._console.note(
            f"the daemon of fleet {fleet} is away; waiting for it to come back "
            f"(`{self._api.start()}` starts it, Ctrl-C ends the wait)"
        )
        with Live(f"waiting for the daemon of fleet {fleet}"):
            while not self._answers():
                if self._deadline.over:
                    raise Late(time.monotonic() - begun)
                self._pause(LOOK_EVERY)
        self._console.note(f"it is back after {span(time.monotonic() - begun)}")

    def _answers(self) -> bool:
        try:
            self._api.get("/v1/ping")
        except (NoDaemon, TimedOut):
            return False
        return True
