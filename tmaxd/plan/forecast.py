"""Who will exceed `recycle` before long: replaced while it is idle anyway, and not later in the middle of something."""

from __future__ import annotations

from tmaxd.plan.counting import is_worth_it, never_kept
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.sample import Sample

HORIZON = 600.0
"""Seconds ahead. An idle moment is bound to come within them where tasks are not very long, and what a worker grows by
is not known well enough to look further."""

NEAR = 0.75
"""It uses this part of the limit already. A fast one, which would reach it within the horizon from its first minute on,
would else be replaced at every idle moment that it has."""


def look_ahead(s: Sample) -> None:
    """One at a time in a group."""
    if not s.d.wanted.memory.forecast:
        return
    goes = {split(w)[0] for w, mark in s.marks.items() if mark.reason == "memory_forecast"}
    worst: dict[str, tuple[float, int, str, int]] = {}
    for worker in s.tallies:
        name, number = split(worker)
        limit = s.d.group_of(worker).memory.recycle
        if limit is None or name in goes or is_spare(worker):
            continue
        reached = _in_time(s, worker, limit)
        if reached > limit:
            mine = (reached / limit, -number, worker, limit)
            worst[name] = max(worst.get(name, mine), mine)
    for _, _, worker, limit in worst.values():
        s.mark(worker, "memory_forecast", "worker", s.tallies[worker].bytes, limit)


def _in_time(s: Sample, worker: str, limit: int) -> float:
    """Bytes that it is expected to use at the horizon; 0: it is not asked, since it is needed now or does not grow."""
    footprint, tally = s.usage.workers.get(worker), s.tallies[worker]
    if footprint is None or footprint.slope is None or footprint.slope <= 0.0:
        return 0.0
    if tally.bytes > limit or never_kept(tally, limit):
        return 0.0  # `recycle` itself sees to it, or nothing can
    idle = s.d.load(worker).in_flight == 0 and not s.is_guarded(worker)
    if not idle or worker in s.marks or s.may_go(worker) is None or not is_worth_it(tally):
        return 0.0
    return tally.bytes + footprint.slope * HORIZON if tally.bytes >= NEAR * limit else 0.0
