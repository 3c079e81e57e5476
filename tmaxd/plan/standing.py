"""How the fleet stands after a pass: what still moves by itself, what waits for an operator, and what is stuck.

The one place that decides whether a fleet has converged. What a pin holds back is as it was asked for, and does not
count. Stuck is what no time alone will mend: workers in quarantine, those that wait for a group that cannot come, and
changes that an ill worker holds up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tmaxd.plan.draft import NEVER, split
from tmaxd.plan.history import NEW_SLOT, Slot
from tmaxd.plan.observed import NO_INTENT, NO_LOAD, Observed, Run
from tmaxd.plan.plan import Plan
from tmaxd.plan.proof import good_at
from tmaxd.plan.wanted import NO_GROUP, Wanted, WantedGroup

IN_TURN = frozenset({"spec_changed", "operator_restart"})
"""Reasons of a replacement that waits for its turn in the group."""

PUT_OFF = IN_TURN | {"unhealthy", "memory_recycle", "memory_forecast", "max_tasks", "max_age"}
"""Reasons of a replacement that waits for whoever has pinned the worker, or looks at it."""

NOT_HELD: frozenset[str | None] = frozenset({None, "paused"})
"""Nothing has been begun about a worker that is to be replaced."""

FAILED = frozenset({"failed", "crash_limit", "memory_limit"})
"""Why a worker rests that has failed for good."""


Keeper = Literal["pinned", "attached", "busy"]
"""What keeps a living worker from being replaced."""


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    moves: bool
    """Something is done, or waits for what ends by itself: a task, a backoff, somebody who is attached."""
    pinned: tuple[str, ...] = ()
    """Workers that would be replaced, were they not pinned."""
    stuck: Mapping[str, str] = {}
    """Worker to why, in words. While something still `moves`, that may yet help."""

    @property
    def converged(self) -> bool:
        """Nothing is left to do but what an operator holds back."""
        return not self.moves and not self.stuck


CONVERGED = Standing(moves=False)
MOVES = Standing(moves=True)
"""Also where nothing is known yet."""


def standing(made: Plan, wanted: Wanted, observed: Observed, now: float) -> Standing:
    """`made`: the plan for that world at that time (monotonic)."""
    if not made.pending:
        return MOVES if made.actions else CONVERGED
    look = _Look(made, wanted, observed, now)
    look.sort()
    look.late_ones()
    look.waiting_ones()
    return Standing(
        moves=bool(made.actions or look.moving),
        pinned=tuple(sorted(look.pinned, key=split)),
        stuck=look.stuck,
    )


def waits_for(worker: str, reason: str, observed: Observed) -> tuple[Keeper, ...]:
    """Of `busy`, `attached` and `pinned` those that keep a living worker from being replaced for this reason, the one
    that may last longest first. An order to do it at once waits for nothing."""
    intent = observed.intents.get(worker, NO_INTENT)
    if reason not in PUT_OFF or intent.force:
        return ()
    seen = observed.seen.get(worker)
    found: tuple[tuple[Keeper, bool], ...] = (
        ("pinned", intent.pinned),
        ("attached", seen is not None and seen.attached > 0),
        ("busy", observed.loads.get(worker, NO_LOAD).in_flight > 0),
    )
    return tuple(word for word, holds in found if holds)


class _Look:
    """The pending workers of one plan, sorted."""

    def __init__(self, made: Plan, wanted: Wanted, observed: Observed, now: float) -> None:
        self._made = made
        self._wanted = wanted
        self._observed = observed
        self._now = now
        self.moving: set[str] = set()
        self.pinned: list[str] = []
        self.stuck: dict[str, str] = {}
        self._late: list[str] = []
        """To be replaced, and nothing has been begun about it."""
        self._after: list[str] = []

    def sort(self) -> None:
        for worker, reason in self._made.pending.items():
            if reason == "quarantined":
                self.stuck[worker] = "it crashed too often, and is tried seldom"
            elif reason == "after":
                self._after.append(worker)
            elif not self._stands_still(worker):
                self.moving.add(worker)
            elif "pinned" in (why := waits_for(worker, reason, self._observed)):
                self.pinned.append(worker)
            elif reason in IN_TURN and not why:
                self._late.append(worker)
            else:
                self.moving.add(worker)

    def late_ones(self) -> None:
        """Their turn comes by itself, unless somebody holds up the change of their group for good."""
        for worker in self._late:
            name = split(worker)[0]
            holder = "" if self._group_moves(name) else self._holder(name)
            if holder:
                self.stuck[worker] = f"its change waits for {holder}"
            else:
                self.moving.add(worker)

    def waiting_ones(self) -> None:
        """Those that wait for another group are as stuck as that one is; and so are those behind them."""
        left = list(self._after)
        while left:
            moving = {split(worker)[0] for worker in self.moving}
            found = [w for w in left if self._cannot_come(w, moving, left)]
            if not found:
                self.moving.update(left)
                return
            for worker in found:
                self.stuck[worker] = f"it waits for {self._made.waits.get(worker, '')}"
            left = [worker for worker in left if worker not in found]

    def _cannot_come(self, worker: str, moving: set[str], left: list[str]) -> bool:
        name = self._made.waits.get(worker, "").partition(":")[0]
        if name in moving or any(split(other)[0] == name for other in left):
            return False
        stuck = any(split(other)[0] == name for other in self.stuck)
        return stuck or any(self._slot(w).rest in FAILED for w in self._slots_of(name))

    def _stands_still(self, worker: str) -> bool:
        """It lives as if nothing were to happen."""
        run, slot = self._observed.runs.get(worker), self._slot(worker)
        return run is not None and run.alive and slot.stopping is None and slot.hold in NOT_HELD

    def _group_moves(self, name: str) -> bool:
        """Something of the group goes on, after which a turn may come."""
        roll = self._made.history.rolls.get(name)
        if roll is not None and (roll.paused_until or 0.0) > self._now:
            return True
        if any(split(worker)[0] == name for worker in self.moving):
            return True
        return any(self._now < good_at(run, self._group(name)) < NEVER for run in self._runs(name))

    def _holder(self, name: str) -> str:
        """Who holds up the change of the group, in words; empty: nobody that could be named."""
        group = self._group(name)
        for worker in self._slots_of(name):
            run, slot = self._observed.runs.get(worker), self._slot(worker)
            if self._made.pending.get(worker) == "quarantined":
                return f"{worker}, which is in quarantine"
            if slot.rest in FAILED:
                return f"{worker}, which has failed"
            if run is None or run.healthy is not False or worker in self._late:
                continue  # those that are late are replaced first where they are ill
            if worker in self.pinned:
                return f"{worker}, which is unhealthy and pinned"
            if not group.heals:
                return f"{worker}, which is unhealthy"
        return ""

    def _runs(self, name: str) -> list[Run]:
        runs = self._observed.runs
        return [runs[worker] for worker in self._slots_of(name) if worker in runs]

    def _slots_of(self, name: str) -> list[str]:
        return [f"{name}-{number}" for number in sorted(self._made.slots.get(name, ()))]

    def _slot(self, worker: str) -> Slot:
        return self._made.history.slots.get(worker, NEW_SLOT)

    def _group(self, name: str) -> WantedGroup:
        return self._wanted.groups.get(name, NO_GROUP)
