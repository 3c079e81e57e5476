"""`plan(wanted, observed, history, now)`: everything that should happen next, decided from values alone.

Level decides: the same world always gives the same plan, a settled world gives none, and it does not matter
which event caused the pass. A look that failed never comes here (`Observed` is whole or it is not made).
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tmaxd.plan.actions import AnyAction
from tmaxd.plan.age import look_for_age
from tmaxd.plan.draft import NEVER, Draft, is_spare, split
from tmaxd.plan.fifos import plan_fifos
from tmaxd.plan.history import NEW_SLOT, History
from tmaxd.plan.mass_death import look_for_mass_death
from tmaxd.plan.memory import look_for_memory, to_remember
from tmaxd.plan.observed import Observed
from tmaxd.plan.order import in_order
from tmaxd.plan.pool import look_for_half_taken
from tmaxd.plan.rollout import roll_all
from tmaxd.plan.slots import wanted_slots
from tmaxd.plan.spares import plan_pools
from tmaxd.plan.stops import sweep
from tmaxd.plan.wanted import Wanted
from tmaxd.plan.workers import plan_worker


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    actions: tuple[AnyAction, ...]
    history: History
    wake_at: float | None
    """Monotonic: look again then, even if nothing happens. None: no need."""
    pending: Mapping[str, str]
    """Workers that are not yet as they should be, and the word that says why."""
    waits: Mapping[str, str] = {}
    """Of these, what those wait for that wait for another group: `db: ready`, or `web: stopped` while both go away."""
    blocked: Mapping[str, str] = {}
    """Of these, those for which time alone does nothing, to the group that has failed for good."""
    slots: Mapping[str, frozenset[int]]
    """Group to the numbers that should be filled."""


def plan(wanted: Wanted, observed: Observed, history: History, now: float) -> Plan:
    d = Draft(wanted, observed, history, now, slots=dict(history.slots))
    sweep(d)
    look_for_mass_death(d)
    look_for_half_taken(d)
    look_for_memory(d)
    look_for_age(d)
    chosen = d.chosen = wanted_slots(d)
    for group in sorted(chosen):  # where starts wait for each other, in an order
        for number in sorted(chosen[group]):
            plan_worker(d, f"{group}-{number}", wanted=True)
    for worker in _unwanted(d, chosen):
        plan_worker(d, worker, wanted=False)
    plan_pools(d)
    roll_all(d)
    plan_fifos(d)
    return Plan(
        actions=in_order(d.actions),
        history=History(
            slots={w: s for w, s in d.slots.items() if s != NEW_SLOT},
            sweeps=d.sweeps,
            rolls=d.rolls,
            deaths=d.deaths,
            mass=d.mass,
            revival=d.revival,
            memory=to_remember(d),
        ),
        wake_at=None if d.wake_at == NEVER else d.wake_at,
        pending=d.pending,
        waits=d.waits,
        blocked=d.blocked,
        slots=chosen,
    )


def _unwanted(d: Draft, chosen: Mapping[str, frozenset[int]]) -> list[str]:
    o = d.observed
    names = o.seen.keys() | o.runs.keys() | o.pipes | d.slots.keys()
    return sorted(
        worker
        for worker in names
        if (parts := split(worker))[1] not in chosen.get(parts[0], frozenset())
        and not is_spare(worker)
    )
