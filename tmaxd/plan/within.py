"""Whether workers, groups and the fleet keep to their memory limits, for the status. Read from what was counted."""

from __future__ import annotations

import msgspec

from tmaxd.plan.counting import limits
from tmaxd.plan.draft import split
from tmaxd.plan.rules import ThresholdRules
from tmaxd.plan.tallies import NO_COUNT, Count, Memory
from tmaxd.plan.wanted import NO_GROUP, Wanted


class Within(msgspec.Struct, frozen=True):
    holds: bool | None = None
    """None: there is no limit, or nothing was measured."""
    reason: str = ""
    used: int = 0
    """Bytes."""
    limit: int = 0


UNKNOWN = Within()


def worker_within(wanted: Wanted, memory: Memory, worker: str, run: str) -> Within:
    tally = memory.workers.get(worker)
    rules = wanted.groups.get(split(worker)[0], NO_GROUP).memory
    if tally is None or tally.run != run or not limits(rules):
        return UNKNOWN
    if tally.too_low is not None:
        return Within(False, "memory_limit", tally.bytes, tally.too_low)
    return _within(tally.count, rules)


def group_within(wanted: Wanted, memory: Memory, name: str) -> Within:
    """Of its total."""
    rules = wanted.groups.get(name, NO_GROUP).memory.total
    return _within(memory.groups.get(name, NO_COUNT), rules) if limits(rules) else UNKNOWN


def fleet_within(wanted: Wanted, memory: Memory) -> Within:
    rules = wanted.memory
    if memory.number < 0 or not (limits(rules) or rules.hold is not None):
        return UNKNOWN
    found = _within(memory.fleet, rules)
    if found.holds is not False and memory.held is not None:
        limit = rules.hold if rules.hold is not None else rules.kill
        return Within(False, "memory_hold", memory.fleet.used, limit or 0)
    return found


def _within(count: Count, rules: ThresholdRules) -> Within:
    """Above a threshold for as many samples as it takes; the gravest is named."""
    if rules.kill is not None and count.kill >= rules.samples:
        return Within(False, "memory_kill", count.used, rules.kill)
    if rules.recycle is not None and count.recycle >= rules.samples:
        return Within(False, "memory_recycle", count.used, rules.recycle)
    if rules.warn is not None and count.warned:
        return Within(False, "memory_warn", count.used, rules.warn)
    return Within(True, used=count.used)
