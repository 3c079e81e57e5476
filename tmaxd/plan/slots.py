"""Which slots a group should fill.

Names never depend on the count. Too many: those go that hold no task, the highest number first; a busy one
only when nothing else is left. Too few: the lowest free numbers are filled.

A slot that an operator has stopped keeps its number and is one of the count, whatever became of its session.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tmaxd.plan.draft import Draft, split
from tmaxd.plan.surge import extra
from tmaxd.plan.wanted import WantedGroup

LEAVING: frozenset[str] = frozenset({"scaled_down", "group_removed", "down"})
"""A stop for one of these is final: the slot does not come back by keeping its process. If it is wanted again,
it is as if it were new."""


class Present(msgspec.Struct, frozen=True):
    """A slot that is there in some form."""

    number: int
    busy: bool = False
    held: bool = False
    leaving: bool = False
    gone: bool = False
    """Nothing is left of it but that it was stopped."""


def choose(count: int, present: Iterable[Present]) -> frozenset[int]:
    """The numbers that should be filled."""
    keepable = [p for p in present if not p.leaving]
    excess = len(keepable) - count
    if excess >= 0:
        keepable.sort(key=lambda p: (not p.gone, p.busy, not p.held, -p.number))
        return frozenset(p.number for p in keepable[excess:])
    numbers = {p.number for p in keepable}
    free = (n for n in range(1, count + len(numbers) + 1) if n not in numbers)
    while len(numbers) < count:
        numbers.add(next(free))
    return frozenset(numbers)


def present_by_group(d: Draft) -> dict[str, list[Present]]:
    """Every slot that has a session, a run, or a stop under way, or was stopped by an operator."""
    groups: dict[str, list[Present]] = {}
    o = d.observed
    names = o.seen.keys() | o.runs.keys()
    stopped = {w for w, intent in o.intents.items() if intent.stopped and w not in names}
    for worker in names | stopped if stopped else names:
        group, number = split(worker)
        if number > 0:
            load = d.load(worker)
            groups.setdefault(group, []).append(
                Present(
                    number,
                    load.in_flight > 0,
                    load.held,
                    is_leaving(d, worker),
                    worker in stopped,
                )
            )
    return groups


def is_leaving(d: Draft, worker: str) -> bool:
    """It is being let go, or was: the session that it leaves does not take the place of a living worker."""
    slot = d.slots.get(worker)
    if slot is None:
        return False
    if slot.stopping is not None:
        return slot.stopping.reason in LEAVING
    seen = d.observed.seen.get(worker)
    lives = worker in d.observed.runs or (seen is not None and seen.alive)
    return not lives and slot.last_exit is not None and slot.last_exit.reason in LEAVING


def wanted_slots(d: Draft) -> dict[str, frozenset[int]]:
    """Group to the numbers that should be filled; nothing while the fleet is taken down."""
    if d.observed.down:
        return {}
    present = present_by_group(d)
    return {
        name: _filled(d, name, group, present.get(name, []))
        for name, group in d.wanted.groups.items()
    }


def _filled(d: Draft, name: str, group: WantedGroup, present: list[Present]) -> frozenset[int]:
    count = group.count
    if group.rollout.surge:
        count += extra(d, name, group, [p.number for p in present if not p.leaving])
    return choose(count, present)
