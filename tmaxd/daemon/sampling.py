"""What the fleet uses, measured each `memory.sample` seconds beside the loop.

A sample wakes the loop only when it exceeds some threshold: else the next pass, which is never far, has it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tmaxd.daemon.alarms import Alarms
from tmaxd.daemon.figures import Figure, Figures, figures, matters, usage
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import Runs
from tmaxd.daemon.trend import Trend
from tmaxd.plan.draft import split
from tmaxd.plan.observed import Usage
from tmaxd.plan.wanted import Wanted
from tmaxd.ports import Clock, Proc, Unknown
from tmaxd.ports.footprints import Footprints

FIRST = 1.0
"""Seconds from the start of the daemon to the first sample: those who wait for its workers come first."""


class Sampling:
    """One a daemon, in the event loop's thread."""

    def __init__(
        self,
        *,
        footprints: Footprints,
        runs: Runs,
        clock: Clock,
        log: EventLog,
        wake: Callable[[], None],
        wanted: Callable[[], Wanted],
        interval: Callable[[], float],
        server: Callable[[], int | None],
    ) -> None:
        """`interval`: seconds between two samples, as the spec says now. `server`: the pid of the tmux server."""
        self._footprints = footprints
        self._runs = runs
        self._clock = clock
        self._log = log
        self._wake = wake
        self._wanted = wanted
        self._interval = interval
        self._server = server
        self._trends: dict[str, Trend] = {}
        self._alarms: Alarms[str] = Alarms(clock, self._due)
        self._task: asyncio.Task[None] | None = None
        self.figures = Figures()
        self.usage: Usage | None = None
        """For the planner; None: nothing was measured yet."""
        self.trouble = ""
        """Why the last sample could not be taken; empty when it could."""

    def start(self) -> None:
        self._alarms.set("sample", self._clock.now() + FIRST)

    def tend(self) -> None:
        """Begin a sample if one is due. To call it more often than the timer does is harmless."""
        self._alarms.tend()

    def close(self) -> None:
        self._alarms.close()
        if self._task is not None:
            self._task.cancel()

    def of_run(self, run: str) -> Figure | None:
        return self.figures.runs.get(run)

    def _due(self, _: str) -> None:
        self._alarms.set("sample", self._clock.now() + self._interval())
        if self._task is None or self._task.done():
            self._task = asyncio.ensure_future(self.sample())

    async def sample(self) -> None:
        """Now. A sample that fails changes nothing but `trouble`."""
        leaders: dict[str, Proc | None] = {run.run: run.proc for run in self._runs.live.values()}
        try:
            found = await self._footprints.sample(leaders, self._server())
        except Unknown as error:
            self._failed(str(error))
            return
        except Exception as error:  # noqa: BLE001  # whatever it is, the fleet goes on
            self._failed(f"a bug in tmaxd: {error!r}")
            return
        self.trouble = ""
        # By now a run may have ended, and a spare have become a worker.
        workers = {worker: live.run for worker, live in self._runs.live.items()}
        for live in self._runs.live.values():
            # What happened to its processes while it lived on is not what ends it some day.
            if live.alive and (measured := found.runs.get(live.run)) is not None:
                live.oom_kills = measured.oom_kills
        now = self._clock.now()
        self.figures = figures(self.figures, found, workers.values(), self._trends, now)
        self.usage = usage(self.figures, workers)
        if matters(self.usage, self._wanted(), {worker: split(worker)[0] for worker in workers}):
            self._wake()

    def _failed(self, why: str) -> None:
        if why != self.trouble:
            self._log.warning("sample_failed", text=f"  {why}")
        self.trouble = why
