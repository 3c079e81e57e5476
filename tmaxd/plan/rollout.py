"""A changed command, environment or folder reaches a group one worker at a time: the next one is replaced when
the last one is up again, and none is touched while it holds a task or somebody is attached to it."""

from __future__ import annotations

from tmaxd.plan.draft import NEVER, Draft
from tmaxd.plan.observed import Run
from tmaxd.plan.stops import retire
from tmaxd.plan.wanted import WantedGroup

UP_AFTER = 0.5
"""Seconds that a worker which takes no tasks (and so never says that it is ready) must stay up before the next
one is replaced: long enough for a command that cannot run to show it."""


def roll(d: Draft, group_name: str, group: WantedGroup, numbers: frozenset[int]) -> None:
    outdated: list[tuple[bool, bool, bool, int]] = []
    in_progress, up_at = False, d.now
    for number in numbers:
        worker = f"{group_name}-{number}"
        seen, run = d.observed.seen.get(worker), d.observed.runs.get(worker)
        slot = d.slots.get(worker)
        stopping = slot is not None and slot.stopping is not None
        if seen is None or run is None or stopping or not (run.alive and run.adopted):
            in_progress = True
        elif seen.drift and seen.attached:
            # Somebody is looking at it, perhaps typing: it waits until they have gone (law 7).
            d.pending.setdefault(worker, "spec_changed")
        elif seen.drift:
            held = slot is not None and slot.hold == "spec_changed"
            # One that is not up serves nobody: replaced first, it keeps a second bad edit from taking out
            # another worker.
            up = _up_at(run, group) <= d.now
            outdated.append((up, not held, d.load(worker).in_flight > 0, number))
            d.pending.setdefault(worker, "spec_changed")
        else:
            up_at = max(up_at, _up_at(run, group))
    if outdated and not in_progress and up_at > d.now:
        d.wake(up_at)
    elif outdated and not in_progress:
        worker = f"{group_name}-{min(outdated)[-1]}"
        run, seen = d.observed.runs[worker], d.observed.seen[worker]
        retire(d, worker, run, "spec_changed", seen.drift)


def _up_at(run: Run, group: WantedGroup) -> float:
    """When (monotonic) the worker counts as up."""
    if group.takes_tasks:
        return 0.0 if run.ready else NEVER
    return run.started + UP_AFTER
