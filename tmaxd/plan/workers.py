"""One slot: from what is seen of it and what is wanted, to what happens next.

The order of the questions is the rule: an end that must be recorded, a stop that must go on, a slot that is
not wanted, small repairs, a start. What the spec's change means for living workers is `rollout`'s affair.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import (
    AddPipes,
    Adopt,
    Hold,
    LogTo,
    Nudge,
    RemovePipes,
    RemoveSession,
    Rename,
    Start,
)
from tmaxd.plan.draft import Draft, split
from tmaxd.plan.history import NEW_SLOT
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.reasons import Reason
from tmaxd.plan.restarts import after_end, natural_end
from tmaxd.plan.slots import LEAVING
from tmaxd.plan.stops import advance, begin, end, retire
from tmaxd.plan.wanted import WantedGroup

STATUS_WAIT = 0.05
"""Seconds to wait for tmux to tell how a process ended, before it is recorded as unknown. On 3.3a up to 15 % of
deaths are told only after a nudge (measured); with it, 2 ms are the rule."""
STATUS_POLL = 0.002

NEVER_OVERLAP: frozenset[str] = LEAVING | {"spec_changed", "task_timeout", "silent", "pipe_lost"}
"""After a stop that was asked for, the next run waits until the whole tree of the last is gone. After a crash it
does not: being back at once is worth more, and what was left behind is marked and swept."""


def plan_worker(d: Draft, worker: str, wanted: bool) -> None:
    seen, run = d.observed.seen.get(worker), d.observed.runs.get(worker)
    group = d.group_of(worker)
    if _settled(d, worker, wanted, seen, run, group):
        return
    if worker in d.observed.failed:
        failed = after_end(d.slot(worker), "start_failed", d.now, message=d.observed.failed[worker])
        d.slots[worker] = msgspec.structs.replace(failed, tried=group.fingerprint)
    if run is None:
        # What lives in the pane of a run that has ended is another process, whatever the label says.
        if seen is not None and seen.alive and seen.run not in d.history.sweeps:
            _adopt(d, worker, seen)
        else:
            _without_run(d, worker, wanted, seen, group)
    elif seen is not None and seen.run != run.run and seen.alive:
        # Another run of ours lives here (the daemon died between its start and its record): it is
        # adopted in the next pass, and only the old one is over.
        end(d, worker, run, "replaced")
    elif not run.alive or (seen is not None and (seen.replaced or seen.run != run.run)):
        if _ended(d, worker, seen, run):
            _without_run(d, worker, wanted, seen, group)
    else:
        _living(d, worker, wanted, seen, run, group)


def _settled(
    d: Draft, worker: str, wanted: bool, seen: Seen | None, run: Run | None, group: WantedGroup
) -> bool:
    """The common case, found out with few looks: a thousand settled workers cost a few milliseconds."""
    if not wanted or seen is None or run is None or not (seen.alive and run.alive):
        return False
    slot = d.slots.get(worker)
    if slot is not None and (
        slot.stopping is not None or slot.hold is not None or slot.dying is not None or slot.changed
    ):
        return False
    load = d.load(worker)
    return (
        seen.run == run.run
        and run.adopted
        and run.ready
        and not seen.drift
        and seen.piped
        and seen.session == worker
        and not load.held
        and not load.overdue
        and not load.silent
        and not run.cut_off
        and group.takes_tasks == (worker in d.observed.pipes)
    )


def _adopt(d: Draft, worker: str, seen: Seen) -> None:
    d.actions.append(Adopt(worker=worker, reason="adopted", run=seen.run))
    d.pending[worker] = "adopted"
    d.wake(d.now)


def _ended(d: Draft, worker: str, seen: Seen | None, run: Run) -> bool:
    """Record the end of a run. False while it is worth waiting for the exit status."""
    slot = d.slot(worker)
    if seen is None:
        end(d, worker, run, _why_gone(run))
        return True
    if seen.run != run.run or seen.replaced:
        end(d, worker, run, "replaced")
        return True
    if seen.status is None and seen.signal is None:
        since = d.now if slot.dying is None else slot.dying
        if d.now - since < STATUS_WAIT:
            why: Reason = slot.stopping.reason if slot.stopping else "crashed"
            d.slots[worker] = msgspec.structs.replace(slot, dying=since)
            d.actions.append(Nudge(worker=worker, reason=why))
            d.pending[worker] = why
            d.wake(d.now + STATUS_POLL)
            return False
    reason: Reason = natural_end(seen.status, seen.signal) if run.adopted else "ended_while_down"
    end(d, worker, run, reason, status=seen.status, signal=seen.signal)
    return True


def _why_gone(run: Run) -> Reason:
    if not run.adopted:
        return "ended_while_down"
    return "session_killed" if run.here else "server_died"


def _living(
    d: Draft, worker: str, wanted: bool, seen: Seen | None, run: Run, group: WantedGroup
) -> None:
    slot = d.slot(worker)
    if slot.stopping is not None and slot.stopping.run == run.run:
        advance(d, worker, slot.stopping, group)
    elif seen is None:
        # It outlived its session (it ignores SIGHUP): nobody can reach it any more.
        begin(d, worker, run.run, "session_killed" if run.here else "server_died")
    elif not run.adopted:
        _adopt(d, worker, seen)
    elif d.load(worker).overdue and not _of_former(d, worker):
        begin(d, worker, run.run, "task_timeout")
    elif run.cut_off:
        begin(d, worker, run.run, "pipe_lost")  # before `silent`: what it says cannot be heard
    elif d.load(worker).silent and not _of_former(d, worker):
        begin(d, worker, run.run, "silent")
    elif not wanted:
        retire(d, worker, run, _why_unwanted(d, worker))
    else:
        _tend(d, worker, seen, run, group)


def _of_former(d: Draft, worker: str) -> bool:
    """What the dispatcher says of the worker may be about an earlier run, whose tasks it holds until that
    one is swept."""
    return any(item.worker == worker for item in d.history.sweeps.values())


def _why_unwanted(d: Draft, worker: str) -> Reason:
    if d.observed.down:
        return "down"
    return "scaled_down" if split(worker)[0] in d.wanted.groups else "group_removed"


def _tend(d: Draft, worker: str, seen: Seen, run: Run, group: WantedGroup) -> None:
    """A living worker that is wanted: small repairs."""
    slot = d.slot(worker)
    if seen.session != worker and worker not in d.observed.foreign:
        d.actions.append(Rename(worker=worker, reason="renamed", session_id=seen.session_id))
    if not seen.piped:
        d.actions.append(LogTo(worker=worker, reason="unlogged", pane_id=seen.pane_id))
    has_pipes = worker in d.observed.pipes
    if group.takes_tasks and not has_pipes:
        d.actions.append(AddPipes(worker=worker, reason="missing"))
    if has_pipes and not (group.takes_tasks or seen.drift or worker in d.unswept):
        d.actions.append(RemovePipes(worker=worker, reason="spec_changed"))
    if not run.ready:
        d.pending.setdefault(worker, "starting")
    if seen.drift and slot.hold in (None, "spec_changed"):
        return  # rollout decides
    if d.load(worker).held or slot.hold is not None:
        d.actions.append(Hold(worker=worker, reason="settled", held=False))
        d.wake(d.now)
    d.slots[worker] = msgspec.structs.replace(slot, hold=None, changed=())


def _without_run(
    d: Draft, worker: str, wanted: bool, seen: Seen | None, group: WantedGroup
) -> None:
    if not wanted:
        _clear_away(d, worker, seen)
        return
    slot = d.slot(worker)
    d.pending[worker] = "starting"
    if (
        slot.last_exit is not None
        and slot.last_exit.reason in NEVER_OVERLAP
        and worker in d.unswept
    ):
        return
    # What was changed since it failed is not made to wait for the failures of what it was before.
    changed = (seen is not None and seen.drift) or slot.tried not in ("", group.fingerprint)
    if slot.next_start is not None and slot.next_start > d.now and not changed:
        d.pending[worker] = "backoff"
        d.wake(slot.next_start)
        return
    _keep_last_words(d, worker, seen)
    if group.takes_tasks and worker not in d.observed.pipes:
        d.actions.append(AddPipes(worker=worker, reason=_why_start(d, worker)))
    d.actions.append(
        Start(
            worker=worker,
            reason=_why_start(d, worker),
            group=split(worker)[0],
            fingerprint=group.fingerprint,
            pane_id=seen.pane_id if seen else None,
            fields=slot.changed,
        )
    )
    d.slots[worker] = msgspec.structs.replace(
        slot,
        crashes=0 if changed else slot.crashes,
        next_start=None,
        tried="",
        changed=(),
        stopping=None,
        hold=None,
        dying=None,
        restarts=slot.restarts + (slot.last_exit is not None),
    )
    d.wake(d.now)


def _keep_last_words(d: Draft, worker: str, seen: Seen | None) -> None:
    """What ended before its output was being copied has said why in its pane, and nowhere else."""
    if seen is not None and not seen.piped and not seen.alive:
        d.actions.append(LogTo(worker=worker, reason="unlogged", pane_id=seen.pane_id))


def _why_start(d: Draft, worker: str) -> Reason:
    slot = d.slots.get(worker)
    if slot is None or slot.last_exit is None or slot.last_exit.reason in LEAVING:
        return "added"
    return slot.last_exit.reason


def _clear_away(d: Draft, worker: str, seen: Seen | None) -> None:
    """Nothing lives here and nothing should: the last traces go, FIFOs after the last process."""
    reason = _why_unwanted(d, worker)
    if worker in d.unswept:
        d.pending.setdefault(worker, reason)
        return
    _keep_last_words(d, worker, seen)
    if seen is not None:
        d.actions.append(RemoveSession(worker=worker, reason=reason, session_id=seen.session_id))
        d.pending[worker] = reason
        d.wake(d.now)
    elif worker in d.observed.pipes and not d.observed.down:
        d.actions.append(RemovePipes(worker=worker, reason=reason))
    if seen is None:
        d.slots[worker] = NEW_SLOT
