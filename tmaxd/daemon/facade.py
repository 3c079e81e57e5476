"""What the API asks of the daemon: its parts put together, and what is about the spec: reload, plan, down."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from tmaxd.daemon.api import types as t
from tmaxd.daemon.awaitface import AwaitFacade, not_up
from tmaxd.daemon.eventface import EventFacade
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.looking import Looking
from tmaxd.daemon.orderface import OrderFacade
from tmaxd.daemon.planned import planned, settings, waiting
from tmaxd.daemon.revisionface import RevisionFacade
from tmaxd.daemon.statusface import TmuxFace
from tmaxd.daemon.storeface import StoreFace
from tmaxd.daemon.taskface import TaskFacade
from tmaxd.daemon.waiters import Waiters
from tmaxd.places import Places
from tmaxd.plan.preview import preview
from tmaxd.plan.standing import FAILED, Standing
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
        self.memory = StoreFace(fleet.memory, lambda: self.status().workers, fleet.clock.wall)
        self.watch_trouble = lambda: None  # set once the files are watched
        self._looking = Looking(fleet)
        fleet.after_pass = self.note_conditions

    async def reload(self, wait: float) -> t.ReloadResult:
        fleet = self._fleet
        failed_before = self._failed_workers()
        found, changed = await fleet.desired.reload()
        if isinstance(found, Rejected):
            return self._reload_result("rejected")
        outcome = "applied" if changed else "no_change"
        if wait > 0:
            try:
                async with asyncio.timeout(wait):
                    await fleet.wait_still()
            except TimeoutError:
                outcome = "timeout"
        return self._reload_result(outcome, failed_before, waited=wait > 0)

    def _failed_workers(self) -> frozenset[str]:
        """Those that have failed for good."""
        slots = self._fleet.history.slots
        return frozenset(name for name, slot in slots.items() if slot.rest in FAILED)

    def _reload_result(
        self, outcome: str, failed_before: frozenset[str] = frozenset(), *, waited: bool = False
    ) -> t.ReloadResult:
        status, standing = self._spec_status(), self._fleet.state.standing
        changes = self._failed_changes()
        failed: tuple[t.Missing, ...] = ()
        if waited and outcome != "timeout":
            failed = self._not_up(self._failed_workers() - failed_before, standing)
        if outcome != "rejected" and (changes or failed):
            outcome = "change_failed" if changes else "failed"
        return msgspec.convert(
            {
                "outcome": outcome,
                "revision": status.revision,
                "problems": status.problems,
                "warnings": status.warnings,
                "converged": self._fleet.settled,
                "failed_changes": changes,
                "failed": failed,
                "pinned": standing.pinned,
            },
            t.ReloadResult,
            from_attributes=True,
        )

    def _not_up(self, failed: frozenset[str], standing: Standing) -> tuple[t.Missing, ...]:
        """Workers that have `failed`, and those that are stuck; with why."""
        names = failed | standing.stuck.keys()
        if not names:
            return ()
        self.note_conditions()
        found = self._workers(self._spec(), self._fleet.flow.view())
        return tuple(not_up(w, standing.stuck.get(w.name, "")) for w in found if w.name in names)

    async def plan(self, spec: Path | None = None) -> t.PlanResult:
        fleet = self._fleet
        found = await fleet.desired.spec_file.look(spec)
        if isinstance(found, Rejected):
            return t.PlanResult(
                outcome="rejected", problems=tuple(t.report(p) for p in found.problems)
            )
        supposed = fleet.desired.supposed(found)
        look = await fleet.observer.look(
            supposed.wanted,
            fleet.history,
            failed={},
            down=False,
            aside=supposed.intents,
        )
        # Off the loop: a rolling change of hundreds of workers is that many passes.
        seen = await asyncio.to_thread(
            preview, supposed.wanted, look.observed, fleet.history, fleet.clock.now()
        )
        before, after = self._spec(), supposed.spec
        shown = tuple(planned(action, before, after) for action in seen.actions)
        left = tuple(map(waiting, seen.left))
        changed = settings(diff(before, after), (*shown, *left))
        return t.PlanResult(
            outcome="changes" if shown or changed else "no_change",
            actions=shown,
            settings=changed,
            waiting=left,
            failed_changes=tuple(c for c in self._failed_changes() if c.group in supposed.failed),
            set_aside=supposed.set_aside,
            warnings=tuple(t.report(p) for p in found.warnings),
        )

    async def down(self) -> None:
        self._fleet.take_down()
