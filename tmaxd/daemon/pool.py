"""The pool of a group as status shows it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.daemon.api import types as t
from tmaxd.daemon.observe import Look
from tmaxd.daemon.runs import Runs
from tmaxd.daemon.taking import NO_COUNT, PoolCount
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import Slot
from tmaxd.plan.pool import why_unfit
from tmaxd.plan.wanted import WantedGroup
from tmaxd.spec.model import Group


def status(
    name: str,
    group: Group,
    look: Look,
    runs: Runs,
    slots: Mapping[str, Slot],
    count: PoolCount | None,
    now: float,
    *,
    pooled: bool,
) -> t.PoolStatus | None:
    """None: there is no pool, and nothing is left of one. `pooled`: spares are kept at all."""
    want = WantedGroup(
        count=group.count,
        takes_tasks=group.kind != "run",
        fingerprint="",
        checked=group.health is not None,
        spares=group.pool.size if group.pool is not None and pooled else 0,
        spare_age=None
        if group.pool is None or group.pool.max_age is None
        else float(group.pool.max_age),
    )
    spares = {
        spare: live.as_seen(look.server)
        for spare, live in runs.live.items()  # as it is now; what was seen may be a worker since
        if is_spare(spare) and split(spare)[0] == name and live.alive
    }
    if not (want.spares or spares or count):
        return None
    ready = sum(
        not why_unfit(look.observed, slots, spare, run, want, now) for spare, run in spares.items()
    )
    counted = count or NO_COUNT
    return t.PoolStatus(
        size=want.spares,
        ready=ready,
        starting=len(spares) - ready,
        oldest=max((now - run.started for run in spares.values()), default=None),
        hits=counted.hits,
        misses=counted.misses,
        last_miss=counted.last_miss,
    )
