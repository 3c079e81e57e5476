"""How many workers a group has beyond its `count` while its others are replaced. They are slots as all others are: with
the lowest free numbers, chosen for a time, and let go at the end by the rules for all.

What is there already is its own memory, so that a new daemon does not let them go in the middle."""

from __future__ import annotations

from collections.abc import Collection

from tmaxd.plan.draft import Draft
from tmaxd.plan.intents import may_be_replaced, why_replaced
from tmaxd.plan.proof import good_at
from tmaxd.plan.reasons import SAVES_MEMORY
from tmaxd.plan.wanted import WantedGroup


def extra(d: Draft, name: str, group: WantedGroup, numbers: Collection[int]) -> int:
    """`numbers`: the slots of the group that are there and not on their way out."""
    surge = group.rollout.surge
    if surge == 0 or group.count == 0 or group.failed == group.fingerprint:
        return 0
    roll = d.history.rolls.get(name)
    if roll is not None and roll.fingerprint != group.fingerprint:
        roll = None
    if roll is not None and roll.given_up:
        return 0
    beyond = max(0, len(numbers) - group.count)
    workers = [f"{name}-{number}" for number in numbers]
    if any(_is_to_be_replaced(d, worker) for worker in workers):
        back = group.approved == group.fingerprint
        trial = group.rollout.canary if not back else 0
        if trial and (roll is None or roll.canaries_at is None):
            return min(surge, max(trial, beyond))
        return surge
    under_way = roll is not None or group.approved != group.fingerprint
    done = roll is not None and roll.good
    if beyond and under_way and not done and any(not _is_proven(d, w, group) for w in workers):
        return min(surge, beyond)
    return 0


def _is_to_be_replaced(d: Draft, worker: str) -> bool:
    seen, run = d.observed.seen.get(worker), d.observed.runs.get(worker)
    if seen is None or run is None or d.intent(worker).stopped:
        return False
    reason = why_replaced(d, worker, seen, run)
    if reason is None or reason in SAVES_MEMORY:
        return False
    return may_be_replaced(d, worker, seen)


def _is_proven(d: Draft, worker: str, group: WantedGroup) -> bool:
    run = d.observed.runs.get(worker)
    return d.intent(worker).stopped or (run is not None and good_at(run, group) <= d.now)
