"""What the operator has asked of workers, as far as it concerns living ones: new starts, pauses, pins.

That somebody is attached to a terminal counts here as well: it is a wish that needs no words. Stops are the affair of
`workers`, and how many are replaced at once that of `rollout`.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import Hold
from tmaxd.plan.draft import Draft
from tmaxd.plan.observed import NO_INTENT, Run, Seen
from tmaxd.plan.reasons import RECYCLES, Reason

REPLACED: frozenset[str | None] = RECYCLES | {"spec_changed", "operator_restart"}
"""Why a living worker that is wanted is replaced by a new run of itself, in the time that its group allows."""


def why_replaced(d: Draft, worker: str, seen: Seen, run: Run) -> Reason | None:
    """Why this run is to make room for a new one; None: it is not."""
    intent = d.observed.intents.get(worker)
    if intent is not None and intent.restart and intent.restart == run.run:
        return "operator_restart"
    return "spec_changed" if seen.drift else d.due.get(worker)


def may_be_replaced(d: Draft, worker: str, seen: Seen) -> bool:
    """False: it waits, with a mark that all can see, until who looks at it has gone, or until it is no longer pinned.
    A pin holds whatever the reason is, and whether the order named the worker or its group: who has pinned it and who
    wants it replaced may be two people, and the second can say that it is to be done by force."""
    intent = d.observed.intents.get(worker, NO_INTENT)
    return intent.force or not (seen.attached or intent.pinned)


def keep_paused(d: Draft, worker: str) -> bool:
    """See to it that a paused worker gets no tasks. False: it is not paused, or nobody gives it any."""
    if not d.intent(worker).paused or worker not in d.observed.loads:
        return False
    slot = d.slot(worker)
    if not d.load(worker).held:
        d.actions.append(Hold(worker=worker, reason="paused", held=True))
        d.wake(d.now)
    if slot.hold != "paused":
        d.slots[worker] = msgspec.structs.replace(slot, hold="paused", held_since=d.now, changed=())
    return True


def let_go_on(d: Draft, worker: str) -> None:
    """It is not (or not yet) replaced: if it was being drained for that, it works on."""
    slot = d.slot(worker)
    if keep_paused(d, worker) or slot.hold not in REPLACED:
        return
    if d.load(worker).held:
        d.actions.append(Hold(worker=worker, reason="settled", held=False))
        d.wake(d.now)
    d.slots[worker] = msgspec.structs.replace(slot, hold=None, held_since=None, changed=())
