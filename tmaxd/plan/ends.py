"""A run that is over: why, what is remembered of it, and whether its worker rests from then on."""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import End, LogTo, Nudge, Rest
from tmaxd.plan.draft import Draft, why_unwanted
from tmaxd.plan.history import LastExit, Slot, Sweep
from tmaxd.plan.mass_death import excused
from tmaxd.plan.observed import Run, Seen
from tmaxd.plan.reasons import Reason
from tmaxd.plan.restarts import after_end, good_time, judge, natural_end
from tmaxd.plan.stops import STATUS_POLL, STATUS_WAIT
from tmaxd.plan.too_heavy import weighed
from tmaxd.plan.wanted import WantedGroup

STOP_SIGNALS = {"HUP": 1, "INT": 2, "QUIT": 3, "USR1": 10, "USR2": 12, "TERM": 15}
"""The numbers of what a stop may begin with (signal(7), x86 and ARM)."""


def ended(
    d: Draft, worker: str, wanted: bool, seen: Seen | None, run: Run, group: WantedGroup
) -> bool:
    """Record the end of a run. False while it is worth waiting for the exit status."""
    slot = d.slot(worker)
    if seen is None:
        gone = why_gone(run)
        # Its session is removed last, so that the daemon before this one had seen its end.
        asked = gone == "ended_while_down" and not wanted
        end(d, worker, run, why_unwanted(d, worker) if asked else gone)
        return True
    if seen.run != run.run or seen.replaced:
        end(d, worker, run, why_other(run))
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
    reason = _while_down(d, worker, wanted, seen, group)
    if run.adopted:
        reason = excused(d, worker, natural_end(seen.status, seen.signal, group.restart))
        if reason == "crashed" and run.oom_killed:
            reason = "oom_killed"
    end(d, worker, run, reason, status=seen.status, signal=seen.signal)
    return True


def _while_down(d: Draft, worker: str, wanted: bool, seen: Seen, group: WantedGroup) -> Reason:
    """Why a run ended that no daemon watched. One that was to go, and went as it does when it is asked to, was asked
    to by the daemon before this one, which did not live to record it: its tasks are not to pay for that."""
    asked = (
        seen.signal is not None and seen.signal == STOP_SIGNALS.get(group.stop.signal)
    ) or judge(seen.status, seen.signal, group.restart) == "success"
    if asked and not wanted:
        return why_unwanted(d, worker)
    return "spec_changed" if asked and seen.drift else "ended_while_down"


def why_gone(run: Run) -> Reason:
    """Why there is no session of it any more."""
    if not run.here:
        return "rebooted" if run.rebooted else "server_died"
    return "session_killed" if run.adopted else "ended_while_down"


def why_other(run: Run) -> Reason:
    """Why another process has its place."""
    return "replaced" if run.here else why_gone(run)


def end(
    d: Draft,
    worker: str,
    run: Run,
    reason: Reason,
    *,
    status: int | None = None,
    signal: int | None = None,
) -> None:
    """The first process is gone. What it leaves is swept, politely or as far as the stop had come."""
    slot, group = d.slot(worker), d.group_of(worker)
    stopping = slot.stopping
    if stopping is not None and stopping.run == run.run:
        reason = stopping.reason
    hard = stopping is not None and stopping.hard
    d.actions.append(
        End(
            worker=worker,
            reason=reason,
            run=run.run,
            status=status,
            signal=signal,
            quiet=d.is_revived(worker),
        )
    )
    d.sweeps[run.run] = Sweep(
        worker=worker,
        since=d.now,
        signalled=stopping.signalled if stopping else None,
        killed=stopping.killed if stopping else None,
        after=0.0 if hard else group.stop.after,
        signal="KILL" if hard else group.stop.signal,
    )
    d.unswept.add(worker)
    seen = d.observed.seen.get(worker)
    now_over = after_end(
        slot,
        LastExit(
            reason=reason,
            status=status,
            signal=signal,
            message=run.probe if reason in ("not_ready", "unhealthy") else "",
            at=d.now,
        ),
        group.restart,
        worker,
        up=good_time(run, d.now),
        revived=d.revivals.get(worker),
    )
    known = seen is not None and seen.run == run.run and not seen.drift
    now_over = msgspec.structs.replace(
        now_over,
        changed=stopping.fields if stopping else slot.changed,
        ended_run=run.run,
        tried=group.fingerprint if known else "",
    )
    now_over = weighed(d, worker, run, reason, now_over)
    _remember(d, worker, slot, now_over, group)
    if now_over.rest is not None:
        keep_last_words(d, worker, seen)
    d.wake(d.now)


def could_not_start(d: Draft, worker: str, message: str, group: WantedGroup) -> None:
    """The start that the last pass asked for has failed."""
    slot = d.slot(worker)
    last = LastExit(reason="start_failed", message=message, at=d.now)
    failed = after_end(slot, last, group.restart, worker)
    failed = msgspec.structs.replace(failed, tried=group.fingerprint)
    _remember(d, worker, slot, failed, group)


def _remember(d: Draft, worker: str, before: Slot, slot: Slot, group: WantedGroup) -> None:
    """Say it once when the worker rests from now on, or is in quarantine. That it has crashed too often is decided a
    moment later where others may be dying with it."""
    if slot.rest == "crash_limit" and worker in d.deaths:
        slot = msgspec.structs.replace(slot, rest=None)
    d.slots[worker] = slot
    limit = group.restart.limit
    if slot.rest is not None:
        d.actions.append(Rest(worker=worker, reason=slot.rest))
    elif slot.quarantined and not before.quarantined and limit is not None:
        d.actions.append(Rest(worker=worker, reason="crash_limit", retry_in=limit.retry_every))


def keep_last_words(d: Draft, worker: str, seen: Seen | None) -> None:
    """What ended before its output was being copied has said why in its pane, and nowhere else."""
    if seen is not None and not seen.piped and not seen.alive:
        d.actions.append(LogTo(worker=worker, reason="unlogged", pane_id=seen.pane_id))
