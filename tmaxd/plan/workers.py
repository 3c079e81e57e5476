"""One slot: from what is seen of it and what is wanted, to what happens next.

The order of the questions is the rule: an end that must be recorded, a stop that must go on, a worker that has failed
though it lives, a slot that is not wanted, small repairs; and where nothing lives, `starts`. What the spec's change
means for living workers is `rollout`'s affair.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import AddPipes, Adopt, Hold, LogTo, Release, RemovePipes, Rename
from tmaxd.plan.draft import Draft, is_spare, split, why_unwanted
from tmaxd.plan.ends import could_not_start, end, ended, why_gone, why_other
from tmaxd.plan.history import Slot
from tmaxd.plan.intents import REPLACED, keep_paused, why_replaced
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.ordering import needed_by
from tmaxd.plan.pool import take
from tmaxd.plan.starts import without_run
from tmaxd.plan.stops import advance, begin, kill, retire
from tmaxd.plan.wanted import WantedGroup


def plan_worker(d: Draft, worker: str, wanted: bool) -> None:
    seen, run = d.observed.seen.get(worker), d.observed.runs.get(worker)
    group = d.group_of(worker)
    if _settled(d, worker, wanted, seen, run, group):
        return
    if worker in d.observed.failed:
        could_not_start(d, worker, d.observed.failed[worker], group)
    if run is None and worker in d.half_taken:
        take(d, worker, d.half_taken[worker], "adopted", None)
    elif run is None:
        # What lives in the pane of a run that has ended is another process, whatever the label says.
        if seen is not None and seen.alive and seen.run not in d.history.sweeps:
            _adopt(d, worker, seen)
        else:
            without_run(d, worker, wanted, seen, group)
    elif seen is not None and seen.run != run.run and seen.alive:
        # Another run of ours lives here (the daemon died between its start and its record): it is
        # adopted in the next pass, and only the old one is over.
        end(d, worker, run, why_other(run))
    elif not run.alive or (seen is not None and (seen.replaced or seen.run != run.run)):
        if ended(d, worker, wanted, seen, run, group):
            without_run(d, worker, wanted, seen, group)
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
        slot.stopping is not None
        or slot.hold is not None
        or slot.dying is not None
        or slot.changed
        or slot.quarantined
        or slot.rest is not None
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
        and not (run.healthy is False and group.heals)
        and group.takes_tasks == (worker in d.observed.pipes)
        and worker not in d.observed.intents
        and worker not in d.due
        and worker not in d.kills
    )


def _adopt(d: Draft, worker: str, seen: Seen) -> None:
    held = d.intent(worker).paused
    d.actions.append(Adopt(worker=worker, reason="adopted", run=seen.run, held=held))
    d.pending[worker] = "adopted"
    d.wake(d.now)


def _living(
    d: Draft, worker: str, wanted: bool, seen: Seen | None, run: Run, group: WantedGroup
) -> None:
    if d.kills.get(worker) == run.run and run.adopted:
        kill(d, worker, run.run)
    slot = d.slot(worker)
    if slot.stopping is not None and slot.stopping.run == run.run:
        advance(d, worker, slot.stopping, group)
    elif seen is None:
        # It outlived its session (it ignores SIGHUP): nobody can reach it any more.
        begin(d, worker, run.run, why_gone(run))
    elif not run.adopted:
        _adopt(d, worker, seen)
    elif _is_stuck(d, worker, run) or _is_ill(d, worker, wanted, seen, run, group):
        return
    elif not wanted:
        _let_go(d, worker, run)
    elif d.intent(worker).stopped:
        intent = d.intent(worker)
        retire(d, worker, run, "operator_stop", at_once=intent.force, patient=intent.drain)
    else:
        _tend(d, worker, seen, run, group)


def _is_stuck(d: Draft, worker: str, run: Run) -> bool:
    """It lives, and cannot be trusted with its tasks any more: it is stopped with them."""
    load = d.load(worker)
    if load.overdue and not _of_former(d, worker):
        begin(d, worker, run.run, "task_timeout")
    elif run.cut_off:
        begin(d, worker, run.run, "pipe_lost")  # before `silent`: what it says cannot be heard
    elif load.silent and not _of_former(d, worker):
        begin(d, worker, run.run, "silent")
    else:
        return False
    return True


def _is_ill(d: Draft, worker: str, wanted: bool, seen: Seen, run: Run, group: WantedGroup) -> bool:
    """It did not become ready in time, or does not work any more: it is stopped. Whom somebody has pinned, or is
    looking at, is only marked for the second of these (law 7)."""
    if not run.ready and group.ready_within is not None:
        due = max(run.started, run.taken) + group.ready_within
        if d.now >= due:
            begin(d, worker, run.run, "not_ready")
            return True
        d.wake(due)
    if run.healthy is not False or not group.heals:
        return False
    if wanted and (seen.attached or d.intent(worker).pinned):
        d.pending[worker] = "unhealthy"
        return False
    begin(d, worker, run.run, "unhealthy")
    return True


def _of_former(d: Draft, worker: str) -> bool:
    """What the dispatcher says of the worker may be about an earlier run, whose tasks it holds until that
    one is swept."""
    return any(item.worker == worker for item in d.history.sweeps.values())


def _let_go(d: Draft, worker: str, run: Run) -> None:
    reason = why_unwanted(d, worker)
    needed = "" if is_spare(worker) else needed_by(d, split(worker)[0])
    if needed:
        d.pending[worker] = reason
        d.waits[worker] = f"{needed}: stopped"
    else:
        retire(d, worker, run, reason)


def _tend(d: Draft, worker: str, seen: Seen, run: Run, group: WantedGroup) -> None:
    """A living worker that is wanted: small repairs."""
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
    slot = _released(d, worker, run, group)
    if slot.rest is not None:
        slot = msgspec.structs.replace(slot, rest=None)  # somebody else has started it
    d.slots[worker] = slot
    if slot.hold in (None, *REPLACED) and why_replaced(d, worker, seen, run) is not None:
        return  # rollout decides
    if not keep_paused(d, worker):
        _give_tasks_again(d, worker)


def _released(d: Draft, worker: str, run: Run, group: WantedGroup) -> Slot:
    """Out of quarantine, once it has been up for long enough."""
    slot = d.slot(worker)
    if not slot.quarantined or not run.ready:
        return slot
    since = run.started if run.ready_at is None else run.ready_at
    due = since + group.restart.backoff.reset_after
    if d.now < due:
        d.wake(due)
        return slot
    d.actions.append(Release(worker=worker, reason="settled"))
    return msgspec.structs.replace(slot, quarantined=False, crashes=0, crashed_at=())


def _give_tasks_again(d: Draft, worker: str) -> None:
    """Whatever kept it from them is no more: of two orders the later counts."""
    slot = d.slot(worker)
    if d.load(worker).held or slot.hold is not None:
        d.actions.append(Hold(worker=worker, reason="settled", held=False))
        d.wake(d.now)
    d.slots[worker] = msgspec.structs.replace(slot, hold=None, held_since=None, changed=())
