"""Taking a spare: a slot that is about to be started gets a booted worker of the group's pool instead.

A spare is a run under a name of its own (`draft.spare_name`), until it becomes a worker and has the worker's name. How
the pool itself is kept is `spares`' affair.
"""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.plan.actions import Take
from tmaxd.plan.draft import Draft, is_spare, split
from tmaxd.plan.history import NEW_SLOT, Slot
from tmaxd.plan.observed import Observed, Run, Seen
from tmaxd.plan.reasons import Reason
from tmaxd.plan.wanted import WantedGroup


def look_for_half_taken(d: Draft) -> None:
    """A daemon that died while a spare became a worker, or did not hear what tmux did, knows it as a spare still. What
    tmux says holds: it was the first that was told."""
    there = d.observed
    for spare, run in there.runs.items():
        if is_spare(spare) and run.alive and not _is_here(there.seen.get(spare), run):
            for worker, seen in there.seen.items():
                if seen.run == run.run and seen.alive and not is_spare(worker):
                    d.half_taken[worker] = spare


def fit_spare(
    d: Draft, worker: str, seen: Seen | None, group: WantedGroup
) -> tuple[str | None, str]:
    """The spare to take for this slot, the oldest that is fit; or else why there is none, in words."""
    if group.spares == 0 or is_spare(worker):
        return None, ""
    if seen is not None and seen.attached:
        return None, "somebody is attached to its terminal"
    name = split(worker)[0]
    found: list[tuple[float, str]] = []
    why = "there is no spare"
    own = (s for s in d.observed.runs if is_spare(s) and split(s)[0] == name and s not in d.taken)
    for spare in sorted(own):
        run = d.observed.runs[spare]
        why = why_unfit(d.observed, d.slots, spare, run, group, d.now)
        if spare in d.due or spare in d.kills:
            why = "the spare uses too much memory"
        if not why:
            found.append((run.started, spare))
    return (min(found)[1], "") if found else (None, why)


def why_unfit(
    there: Observed,
    slots: Mapping[str, Slot],
    spare: str,
    run: Run,
    group: WantedGroup,
    now: float,
) -> str:
    """Why it cannot be taken now; empty: it can."""
    seen, slot = there.seen.get(spare), slots.get(spare, NEW_SLOT)
    if not run.alive or not run.here or not _is_here(seen, run):
        return "the spare has ended"
    if seen is None or seen.drift:
        return "the spare is of another revision"
    if not run.adopted or slot.stopping is not None or run.cut_off:
        return "the spare is being replaced"
    if not run.ready:
        return "the spare is not ready yet"
    if run.healthy is False or (group.checked and run.healthy is None):
        return "the spare is not known to be healthy"
    if group.takes_tasks and spare not in there.pipes:
        return "the spare has no FIFOs"
    return "the spare is too old" if is_old(run, group, now) else ""


def is_old(run: Run, group: WantedGroup, now: float) -> bool:
    return group.spare_age is not None and now >= run.started + group.spare_age


def take(d: Draft, worker: str, spare: str, reason: Reason, former: Seen | None) -> None:
    """`former`: the dead session of the slot. Where the hand-over was half done, the session is the slot's already."""
    run = d.observed.runs[spare]
    seen = d.observed.seen[worker if d.half_taken.get(worker) == spare else spare]
    d.actions.append(
        Take(
            worker=worker,
            reason=reason,
            spare=spare,
            run=run.run,
            group=split(worker)[0],
            session_id=seen.session_id,
            pane_id=seen.pane_id,
            former=None if former is None else former.session_id,
            age=max(0.0, d.now - run.started),
            held=d.intent(worker).paused,
            quiet=d.is_revived(worker),
        )
    )
    d.taken.add(spare)
    d.slots.pop(spare, None)
    d.first = True
    d.pending[worker] = "starting"
    d.wake(d.now)


def _is_here(seen: Seen | None, run: Run) -> bool:
    return seen is not None and seen.alive and not seen.replaced and seen.run == run.run
