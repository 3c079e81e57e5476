"""Since when a run does what it is for, and from when on it counts as proven."""

from __future__ import annotations

from tmaxd.plan.draft import NEVER
from tmaxd.plan.observed import Run
from tmaxd.plan.wanted import WantedGroup


def since_good(run: Run, group: WantedGroup) -> float:
    """Since when (monotonic) it has been ready, and healthy as far as that is checked; NEVER: it is not."""
    if not run.ready or run.healthy is False or (group.checked and run.healthy is None):
        return NEVER
    since = run.started if run.ready_at is None else run.ready_at
    if run.healthy is None or run.healthy_since is None:
        return since
    return max(since, run.healthy_since)


def good_at(run: Run, group: WantedGroup) -> float:
    """When (monotonic) it counts, or has counted, as proven; NEVER: not as it is."""
    return since_good(run, group) + group.rollout.healthy_for
