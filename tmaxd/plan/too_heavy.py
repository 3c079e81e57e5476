"""A worker that cannot live within its `kill` limit: killed twice in a row without ever having kept to it, it rests.

Else it would be started and killed without end. It is started again when the limit is another one, when what it runs is
changed, or when somebody asks for it.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.counting import never_kept
from tmaxd.plan.draft import Draft
from tmaxd.plan.history import Slot
from tmaxd.plan.observed import Run
from tmaxd.plan.reasons import Reason
from tmaxd.plan.wanted import WantedGroup

ENOUGH = 2
"""The first may have had bad luck with a task."""


def weighed(d: Draft, worker: str, run: Run, reason: Reason, slot: Slot) -> Slot:
    """The slot once its run has ended."""
    limit = d.group_of(worker).memory.kill
    tally = d.memory.workers.get(worker)
    if tally is None or tally.run != run.run or limit is None:
        return slot
    mark = d.memory.marks.get(worker)
    own = mark is not None and (mark.run, mark.scope) == (run.run, "worker")
    if reason == "memory_kill" and own and (tally.least is None or never_kept(tally, limit)):
        before = slot.too_heavy if slot.too_heavy_for == limit else 0
        slot = msgspec.structs.replace(slot, too_heavy=before + 1, too_heavy_for=limit)
        if is_too_heavy(d, slot, d.group_of(worker)) and slot.rest is None:
            return msgspec.structs.replace(slot, rest="memory_limit", next_start=None)
    elif tally.least is not None and tally.least <= limit and slot.too_heavy:
        return msgspec.structs.replace(slot, too_heavy=0, too_heavy_for=0)
    return slot


def is_too_heavy(d: Draft, slot: Slot, group: WantedGroup) -> bool:
    """Another run of it would be killed as well."""
    limit = group.memory.kill
    if limit is None or not d.wanted.memory.governed:
        return False
    return slot.too_heavy >= ENOUGH and limit <= slot.too_heavy_for
