"""Who has done enough: as many tasks, or for as long, as one run may. Replaced at the next idle moment."""

from __future__ import annotations

from functools import lru_cache
from zlib import crc32

from tmaxd.plan.draft import NEVER, Draft, is_spare
from tmaxd.plan.observed import Run
from tmaxd.plan.rules import AgeRules


def look_for_age(d: Draft) -> None:
    """Before the workers are planned. Costs nothing where no group has such a rule."""
    ruled = {n: g.age for n, g in d.wanted.groups.items() if g.age.max_tasks or g.age.max_age}
    if not ruled or d.observed.down:
        return
    due, soonest = d.due, NEVER
    for worker, run in d.observed.runs.items():
        if is_spare(worker):
            continue  # it has an age of its own, and no tasks
        rules = ruled.get(worker.rpartition("-")[0])
        if rules is None or not run.alive or worker in due:
            continue
        if rules.max_tasks is not None and d.load(worker).ended >= rules.max_tasks:
            due[worker] = "max_tasks"
        elif rules.max_age is not None:
            over = over_at(run, rules, rules.max_age)
            if d.now >= over:
                due[worker] = "max_age"
            else:
                soonest = min(soonest, over)
    if soonest < NEVER:
        d.wake(soonest)


def over_at(run: Run, rules: AgeRules, max_age: float) -> float:
    """When (monotonic) it has run for as long as it may. The jitter is that of the run, so that the same world gives
    the same plan; it only shortens, so that nobody gets older than the spec says."""
    return run.started + max_age * (1.0 - rules.jitter * _part(run.run))


@lru_cache(maxsize=4096)
def _part(run: str) -> float:
    """From 0 to 1. The factor (Knuth's, 2**32 by the golden ratio) scatters what crc32 gives for ids that are alike."""
    return crc32(run.encode()) * 2654435761 % 2**32 / 2**32
