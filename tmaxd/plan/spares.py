"""The warm pool of each group: booted workers that wait to become slots, each known by a name of its own.

A spare is planned as a worker is (`workers`), with its own memory of what went wrong: what it does spends nothing of
its group's. It is never waited for: a fleet is settled whatever its pools are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tmaxd.plan.draft import Draft, is_spare, spare_name, split
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.pool import is_old, why_unfit
from tmaxd.plan.reasons import Reason
from tmaxd.plan.slots import is_leaving
from tmaxd.plan.stops import begin
from tmaxd.plan.wanted import NO_GROUP, WantedGroup
from tmaxd.plan.workers import plan_worker


def plan_pools(d: Draft) -> None:
    """After the slots were planned: what they take is not there any more, and what they start comes first."""
    there = _there(d)
    for name, group in sorted(d.wanted.groups.items()):  # where starts wait, in an order
        own = there.pop(name, [])
        if own or group.spares:
            _plan_pool(d, name, group, own)
    for name in sorted(there):
        _plan_pool(d, name, NO_GROUP, there[name])
    for worker in [worker for worker in d.pending if is_spare(worker)]:
        del d.pending[worker]
        d.waits.pop(worker, None)
        d.blocked.pop(worker, None)


def _there(d: Draft) -> dict[str, list[str]]:
    """By group: spares of which there is anything, but those that are slots from now on."""
    o = d.observed
    gone = d.taken.union(d.half_taken.values())
    found: dict[str, list[str]] = {}
    names = {w for part in (o.seen, o.runs, o.pipes, d.slots) for w in part if is_spare(w)}
    for spare in sorted(names - gone, key=_number):
        found.setdefault(split(spare)[0], []).append(spare)
    return found


def _plan_pool(d: Draft, name: str, group: WantedGroup, own: Sequence[str]) -> None:
    size = group.spares if _is_of_use(d, name) else 0
    kept = sorted((s for s in own if not is_leaving(d, s)), key=lambda s: _worth(d, s, group))
    kept = sorted(kept[:size], key=_number)
    going = [s for s in (*d.taken, *d.half_taken.values()) if split(s)[0] == name]
    numbers = {_number(spare) for spare in (*own, *going)}
    number = 0
    while len(kept) < size:
        number += 1
        if number not in numbers:
            kept.append(spare_name(name, number))
    for spare in own:
        if spare not in kept:
            plan_worker(d, spare, wanted=False)
    aged = _aged(d, group, kept)
    for spare in kept:
        _tend(d, spare, spare == aged)


def _number(spare: str) -> int:
    return -split(spare)[1]


def _is_of_use(d: Draft, name: str) -> bool:
    """Some slot of the group may have to be started some day."""
    numbers = d.chosen.get(name, frozenset())
    return any(not d.intent(f"{name}-{number}").stopped for number in numbers)


def _worth(d: Draft, spare: str, group: WantedGroup) -> tuple[bool, bool, float]:
    """The smaller, the sooner it is kept: those that can be taken, then those that live, the younger ones first."""
    run = d.observed.runs.get(spare)
    if run is None:
        return (True, True, 0.0)
    return (_is_unfit(d, spare, run, group), not run.alive, -run.started)


def _is_unfit(d: Draft, spare: str, run: Run, group: WantedGroup) -> bool:
    return bool(why_unfit(d.observed, d.slots, spare, run, group, d.now))


def _aged(d: Draft, group: WantedGroup, kept: Iterable[str]) -> str | None:
    """The oldest of those that are too old, if all others can be taken: they are replaced one by one."""
    if group.spare_age is None:
        return None
    runs = {spare: run for spare in kept if (run := d.observed.runs.get(spare)) is not None}
    old = {spare: run.started for spare, run in runs.items() if is_old(run, group, d.now)}
    for spare, run in runs.items():
        if spare not in old:
            d.wake(run.started + group.spare_age)
    if not old or any(s not in old and _is_unfit(d, s, runs[s], group) for s in runs):
        return None
    return min(old, key=lambda spare: old[spare]) if len(runs) == group.spares else None


def _tend(d: Draft, spare: str, aged: bool) -> None:
    seen, run = d.observed.seen.get(spare), d.observed.runs.get(spare)
    if seen is not None and run is not None and _stands(d, spare, seen, run):
        reason: Reason | None = "aged" if aged else None
        if run.ready and run.healthy is False:
            reason = "unhealthy"
        if spare in d.due:
            reason = d.due[spare]
        if seen.drift:
            reason = "spec_changed"
        if reason is not None:
            begin(d, spare, run.run, reason, seen.drift)
            return
    plan_worker(d, spare, wanted=True)


def _stands(d: Draft, spare: str, seen: Seen, run: Run) -> bool:
    """It lives, is ours, and is not on its way out."""
    return seen.alive and run.alive and run.adopted and d.slot(spare).stopping is None
