"""The FIFOs that are no single worker's: inboxes, outboxes, and the tasks FIFOs of groups that share one."""

from __future__ import annotations

from tmaxd.plan.actions import (
    AddInbox,
    AddOutbox,
    AddShared,
    RemoveInbox,
    RemoveOutbox,
    RemoveShared,
)
from tmaxd.plan.draft import Draft, split
from tmaxd.plan.reasons import Reason


def plan_fifos(d: Draft) -> None:
    """After the workers were planned: it matters which runs are swept."""
    want, there = d.wanted, d.observed
    if not there.down:
        for name in sorted(want.inboxes - there.inboxes):
            d.actions.append(AddInbox(worker=name, reason="added"))
        for name in sorted(want.outboxes - there.outboxes):
            d.actions.append(AddOutbox(worker=name, reason="added"))
        for group in sorted(want.shared - there.shared):
            d.actions.append(AddShared(worker=group, reason="added"))
    # They stay when the fleet is taken down: whoever writes then waits, and is heard by the next daemon.
    for name in sorted(there.inboxes - want.inboxes):
        d.actions.append(RemoveInbox(worker=name, reason="group_removed"))
    for name in sorted(there.outboxes - want.outboxes):
        d.actions.append(RemoveOutbox(worker=name, reason="group_removed"))
    unwanted = there.shared - want.shared
    if unwanted:
        for group in sorted(unwanted - _may_read(d)):
            reason: Reason = "spec_changed" if group in want.groups else "group_removed"
            d.actions.append(RemoveShared(worker=group, reason=reason))


def _may_read(d: Draft) -> set[str]:
    """Groups of which a process may still have the shared FIFO open: one of a run that is not known to be what the
    spec wants now, or of a run that is over and not yet swept."""
    there = d.observed
    groups = {split(worker)[0] for worker in d.unswept}
    for worker in there.seen.keys() | there.runs.keys():
        seen, run = there.seen.get(worker), there.runs.get(worker)
        lives = run is not None or (seen is not None and seen.alive)
        current = seen is not None and not seen.drift and (run is None or run.run == seen.run)
        group = split(worker)[0]
        if lives and not (current and group in d.wanted.groups):
            groups.add(group)
    return groups
