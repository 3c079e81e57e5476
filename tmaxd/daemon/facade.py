"""What the API asks of the daemon: its parts put together, and what is about the spec: reload, plan, down."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from tmaxd.daemon.api import types as t
from tmaxd.daemon.awaitface import AwaitFacade
from tmaxd.daemon.eventface import EventFacade
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.orderface import OrderFacade
from tmaxd.daemon.planned import planned, settings
from tmaxd.daemon.revisionface import RevisionFacade
from tmaxd.daemon.statusface import TmuxFace
from tmaxd.daemon.taskface import TaskFacade
from tmaxd.daemon.waiters import Waiters
from tmaxd.daemon.wanted import wanted
from tmaxd.places import Places
from tmaxd.plan.preview import preview
from tmaxd.ports import Journal
from tmaxd.spec.diff import diff
from tmaxd.spec.load import Rejected


class FleetFacade(AwaitFacade, OrderFacade, RevisionFacade, EventFacade, TaskFacade):
    """Everything here runs in the loop's thread."""

    def __init__(
        self,
        fleet: Fleet,
        journal: Journal,
        waiters: Waiters,
        started: float,
        tmux: TmuxFace,
        here: Places,
    ) -> None:
        TaskFacade.__init__(self, fleet.flow, journal, waiters, self._spec)
        self._fleet = fleet
        self._started = started
        self._tmux_face = tmux
        self._here = here
        self.watch_trouble = lambda: None  # set once the files are watched

    async def reload(self, wait: float) -> t.ReloadResult:
        fleet = self._fleet
        found, changed = await fleet.desired.reload()
        if isinstance(found, Rejected):
            return self._reload_result("rejected")
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await fleet.wait_settled()
            except TimeoutError:
                return self._reload_result("timeout")
        return self._reload_result("applied" if changed else "no_change")

    def _reload_result(self, outcome: str) -> t.ReloadResult:
        status = self._spec_status()
        return msgspec.convert(
            {
                "outcome": outcome,
                "revision": status.revision,
                "problems": status.problems,
                "warnings": status.warnings,
                "converged": self._fleet.settled,
            },
            t.ReloadResult,
            from_attributes=True,
        )

    async def plan(self, spec: Path | None = None) -> t.PlanResult:
        fleet = self._fleet
        found = await fleet.desired.spec_file.look(spec)
        if isinstance(found, Rejected):
            return t.PlanResult(
                outcome="rejected", problems=tuple(t.report(p) for p in found.problems)
            )
        want = wanted(found.spec)
        look = await fleet.observer.look(
            want,
            fleet.history,
            failed={},
            down=False,
            aside=True,
        )
        # Off the loop: a rolling change of hundreds of workers is that many passes.
        actions = await asyncio.to_thread(
            preview, want, look.observed, fleet.history, fleet.clock.now()
        )
        before = self._spec()
        shown = tuple(planned(action, before, found.spec) for action in actions)
        changed = settings(diff(before, found.spec), shown)
        return t.PlanResult(
            outcome="changes" if shown or changed else "no_change",
            actions=shown,
            settings=changed,
            warnings=tuple(t.report(p) for p in found.warnings),
        )

    async def down(self) -> None:
        self._fleet.take_down()
