"""Whether a start may go ahead now, or has to wait: for memory, or for another start.

Only starts wait. A spare that becomes a worker runs already, and costs nothing more; nor does a fresh run in place of
one that used too much. Were that one held back, its group would wait for it with all others that use too much, and the
fleet would never become smaller.
"""

from __future__ import annotations

from tmaxd.plan.draft import Draft, is_spare, split
from tmaxd.plan.reasons import SAVES_MEMORY, Reason
from tmaxd.plan.wanted import WantedGroup

LONGEST = 60.0
"""Seconds that a worker which is not ready holds up the others, where they are started one by one: one that is never
ready and has no time limit (`ready.within`) must not keep the fleet down."""


def refused(d: Draft, worker: str, group: WantedGroup) -> Reason | None:
    """Why it is not started now; None: it is, and `admitted` is to be called."""
    if d.wanted.one_by_one and _is_one_starting(d):
        return "one_by_one"
    usage, rules = d.observed.usage, d.wanted.memory
    if usage is None or not rules.governed or _replaces_more(d, worker):
        return None
    if d.memory.pool_held if is_spare(worker) else d.memory.held is not None:
        return "memory_hold"
    if rules.keep_free is None or usage.free is None:
        return None
    left = usage.free - _under_way(d) - _needs(d, worker, group)
    return "keep_free" if left < rules.keep_free else None


def admitted(d: Draft, worker: str, group: WantedGroup) -> None:
    """It is started in this pass."""
    d.starting = True
    if d.wanted.memory.governed and d.wanted.memory.keep_free is not None:
        size = _needs(d, worker, group)
        if size:
            d.admitted[worker] = size


def _replaces_more(d: Draft, worker: str) -> bool:
    last = d.slot(worker).last_exit
    return last is not None and last.reason in SAVES_MEMORY and not is_spare(worker)


def _is_one_starting(d: Draft) -> bool:
    if d.starting is None:
        d.starting = False
        for worker, run in d.observed.runs.items():
            due = run.started + LONGEST
            if run.alive and not run.ready and d.slot(worker).stopping is None and d.now < due:
                d.starting = True
                d.wake(due)
    return d.starting


def _under_way(d: Draft) -> int:
    """Bytes that starts which are not over are expected to take beyond what the last sample shows."""
    total = 0
    for worker, size in d.admitted.items():
        run, tally = d.observed.runs.get(worker), d.memory.workers.get(worker)
        shown = tally.bytes if tally is not None and run is not None and tally.run == run.run else 0
        total += max(0, size - shown)
    return total


def _needs(d: Draft, worker: str, group: WantedGroup) -> int:
    """Bytes that it is expected to need: what others of its kind use now, or have used when they began."""
    name = split(worker)[0]
    known = d.needs.get(name)
    if known is None:
        sizes = [
            tally.bytes
            for other, tally in d.memory.workers.items()
            if split(other)[0] == name and _is_alike(d, other, tally.run)
        ]
        known = _middle(sizes) if sizes else d.memory.sizes.get(group.fingerprint, 0)
        d.needs[name] = known
    return known


def _middle(sizes: list[int]) -> int:
    """The median. (`statistics` takes longer to import than a daemon has to start.)"""
    sizes.sort()
    return (sizes[(len(sizes) - 1) // 2] + sizes[len(sizes) // 2]) // 2


def _is_alike(d: Draft, worker: str, run: str) -> bool:
    """It lives, is ready, and is what the group's spec says now."""
    now, seen = d.observed.runs.get(worker), d.observed.seen.get(worker)
    if now is None or seen is None or now.run != run or seen.drift:
        return False
    return now.alive and now.ready
