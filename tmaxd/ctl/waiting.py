"""Waits for tasks to end, with a bar that shows how far it is and how fast."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Timer
from typing import TYPE_CHECKING, Protocol

from tmaxd.ctl.api import Api
from tmaxd.ctl.away import Deadline, Steady
from tmaxd.ctl.console import Console, Live, is_terminal

if TYPE_CHECKING:
    from rich.progress import Progress

BAR_AFTER = 1.0
"""Seconds before a bar appears: shorter waits need none, and are spared 50 ms of import."""


@dataclass
class Ends:
    """How the tasks that were waited for have ended."""

    done: int = 0
    dead: list[int] = field(default_factory=list)
    cancelled: list[int] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.done + len(self.dead) + len(self.cancelled) + len(self.unknown)

    @property
    def good(self) -> bool:
        return self.done == self.total

    @property
    def words(self) -> str:
        cancelled = f", {len(self.cancelled):,} cancelled" if self.cancelled else ""
        return f"{self.done:,} done, {len(self.dead):,} dead{cancelled}"

    def add(self, id: int, state: str) -> None:
        if state == "done":
            self.done += 1
        else:
            {"dead": self.dead, "cancelled": self.cancelled}.get(state, self.unknown).append(id)


class Bar(Protocol):
    def update(self, ends: Ends) -> None: ...


class NoBar:
    """Where nobody looks."""

    def update(self, ends: Ends) -> None: ...


class RichBar:
    """A bar on standard error, once it has taken long enough to be worth one."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._started = time.monotonic()
        self._ends = Ends()
        self._rich: Progress | None = None
        # A timer, not a look at each end: a single long task would never show a bar.
        self._timer = Timer(BAR_AFTER, self._open)
        self._timer.daemon = True
        self._timer.start()

    def update(self, ends: Ends) -> None:
        self._ends = ends
        if self._rich is not None:
            rate = ends.total / (time.monotonic() - self._started)
            self._rich.update(self._task, completed=ends.total, rate=rate, dead=len(ends.dead))

    def close(self) -> None:
        self._timer.cancel()
        self._timer.join()
        if self._rich is not None:
            self._rich.stop()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        rich = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]:,.0f}/s"),
            TextColumn("[red]{task.fields[dead]} dead"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            transient=True,
        )
        self._task = rich.add_task(
            "", total=self._total, completed=self._ends.total, rate=0.0, dead=0
        )
        rich.start()
        self._rich = rich


@contextmanager
def bar(total: int) -> Iterator[Bar]:
    if not is_terminal(sys.stderr):
        yield NoBar()
        return
    shown = RichBar(total)
    try:
        yield shown
    finally:
        shown.close()


def wait_for(
    console: Console,
    api: Api,
    ranges: Sequence[tuple[int, int]],
    deadline: Deadline,
    *,
    met: bool,
) -> Ends:
    """Returns when all have ended, however many daemons that takes. `met`: the daemon has answered already. Raises
    `away.Late`, and NoDaemon where there was none from the beginning."""
    return Steady(console, api, deadline, met=met).ask(lambda: _heard(api, ranges, deadline))


def _heard(api: Api, ranges: Sequence[tuple[int, int]], deadline: Deadline) -> Ends:
    """All from the beginning: the next daemon tells of those that are over at once, so nothing has to be kept of
    what the one before has told."""
    ends = Ends()
    total = sum(count for _, count in ranges)
    if total == 1:
        with Live(f"waiting for task {ranges[0][0]}"):
            for end in api.wait(ranges, deadline.at):
                ends.add(int(end["id"]), str(end["state"]))
        return ends
    with bar(total) as shown:
        for end in api.wait(ranges, deadline.at):
            ends.add(int(end["id"]), str(end["state"]))
            shown.update(ends)
    return ends
