"""A slot in which nothing lives: it is started, or waits for something, or rests, or is cleared away."""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import AddPipes, RemovePipes, RemoveSession, Rest, Start
from tmaxd.plan.admission import admitted, refused
from tmaxd.plan.draft import Draft, is_spare, split, why_unwanted
from tmaxd.plan.ends import keep_last_words
from tmaxd.plan.history import NEW_SLOT, LastExit, Slot
from tmaxd.plan.observed import Seen
from tmaxd.plan.ordering import failed_ahead, waits_for
from tmaxd.plan.pool import fit_spare, take
from tmaxd.plan.reasons import FOR_MEMORY, RECYCLES, SPENDS_BUDGET, Reason
from tmaxd.plan.restarts import rest
from tmaxd.plan.slots import LEAVING
from tmaxd.plan.too_heavy import is_too_heavy
from tmaxd.plan.wanted import WantedGroup

NEVER_OVERLAP: frozenset[str] = (
    LEAVING
    | RECYCLES
    | FOR_MEMORY
    | {
        "spec_changed",
        "task_timeout",
        "silent",
        "pipe_lost",
        "not_ready",
        "unhealthy",
        "operator_stop",
        "operator_restart",
        "aged",
    }
)
"""After a stop that was asked for, the next run waits until the whole tree of the last is gone. After a crash it
does not: being back at once is worth more, and what was left behind is marked and swept. Where memory was short, what
is left may be what has it."""


def without_run(d: Draft, worker: str, wanted: bool, seen: Seen | None, group: WantedGroup) -> None:
    if not wanted:
        _clear_away(d, worker, seen)
    elif d.intent(worker).stopped:
        _stay_stopped(d, worker)
    else:
        anew = _anew(d, worker, seen, group)
        if anew is not None or not _rests(d, worker, seen, group):
            _start_when_due(d, worker, seen, group, anew)


def _anew(d: Draft, worker: str, seen: Seen | None, group: WantedGroup) -> Reason | None:
    """Why it is started as if it had never failed, if it is. What was changed since it failed is not made to wait for
    the failures of what it was before, nor what somebody asks for."""
    slot, intent = d.slot(worker), d.intent(worker)
    if slot.rest == "operator_stop":
        return "operator_start"
    ended = seen.run if seen is not None else slot.ended_run
    if intent.restart and intent.restart == ended:
        return "operator_start" if intent.start else "operator_restart"
    limit = group.restart.limit
    if (
        (seen is not None and seen.drift)
        or slot.tried not in ("", group.fingerprint)
        or (slot.quarantined and (limit is None or limit.retry_every is None))
    ):
        return "spec_changed"
    return None


def _stay_stopped(d: Draft, worker: str) -> None:
    """Its session and its FIFOs stay, with what is in them; what it did before is forgotten."""
    slot = d.slot(worker)
    d.slots[worker] = Slot(
        rest="operator_stop",
        restarts=slot.restarts,
        last_exit=slot.last_exit,
        ended_run=slot.ended_run,
    )


def _rests(d: Draft, worker: str, seen: Seen | None, group: WantedGroup) -> bool:
    """Its policy asks for no further start. A daemon that has just begun knows no more of an end than the dead pane
    tells, and keeps to that."""
    slot = d.slot(worker)
    last = slot.last_exit
    if last is None and seen is not None and (seen.status, seen.signal) != (None, None):
        last = LastExit(reason="ended_while_down", status=seen.status, signal=seen.signal, at=d.now)
    why = rest(last, slot.crashed_at, group.restart)
    if why is None and is_too_heavy(d, slot, group):
        why = "memory_limit"
    if why == "crash_limit" and worker in d.deaths:
        d.pending[worker] = "crashed"  # perhaps it is forgiven
        return True
    if why is not None and why != slot.rest:
        d.actions.append(Rest(worker=worker, reason=why))
        d.slots[worker] = msgspec.structs.replace(
            slot, rest=why, last_exit=last, next_start=None, quarantined=False
        )
    return why is not None


def _start_when_due(
    d: Draft, worker: str, seen: Seen | None, group: WantedGroup, anew: Reason | None
) -> None:
    slot, last = d.slot(worker), d.slot(worker).last_exit
    d.pending[worker] = "starting"
    if last is not None and last.reason in NEVER_OVERLAP and worker in d.unswept:
        return
    if slot.next_start is not None and slot.next_start > d.now and anew is None:
        d.pending[worker] = _waiting(slot)
        d.wake(slot.next_start)
        return
    waits = waits_for(d, split(worker)[0])
    if waits:
        d.pending[worker] = "after"
        d.waits[worker] = waits
        failed = failed_ahead(d, split(worker)[0])
        if failed:
            d.blocked[worker] = failed
        return
    if (d.first or d.mass is not None) and is_spare(worker):
        if d.first:  # slots come first, all of them, and their revival after a mass death
            d.wake(d.now)
        return
    spare, miss = fit_spare(d, worker, seen, group)
    if spare is None and (why := refused(d, worker, group)) is not None:
        d.pending[worker] = why
        return
    _start(d, worker, seen, group, anew, spare, miss)


def _waiting(slot: Slot) -> str:
    if slot.quarantined:
        return "quarantined"
    last = slot.last_exit
    if last is None or last.reason in SPENDS_BUDGET | FOR_MEMORY:
        return "backoff"
    return last.reason


def _start(
    d: Draft,
    worker: str,
    seen: Seen | None,
    group: WantedGroup,
    anew: Reason | None,
    spare: str | None,
    miss: str,
) -> None:
    """`spare`: it becomes the worker; None: there is none, or (`miss`) none that could."""
    slot = d.slot(worker)
    reason = _why_start(slot, anew)
    keep_last_words(d, worker, seen)
    if spare is not None:
        take(d, worker, spare, reason, seen)
    else:
        if group.takes_tasks and worker not in d.observed.pipes:
            d.actions.append(AddPipes(worker=worker, reason=reason))
        d.actions.append(
            Start(
                worker=worker,
                reason=reason,
                group=split(worker)[0],
                fingerprint=group.fingerprint,
                pane_id=seen.pane_id if seen else None,
                fields=slot.changed,
                miss="" if reason == "added" else miss,
                held=d.intent(worker).paused,
                quiet=d.is_revived(worker),
            )
        )
        d.first = d.first or not is_spare(worker)
        admitted(d, worker, group)
    forget = anew is not None
    d.slots[worker] = Slot(
        crashes=0 if forget else slot.crashes,
        crashed_at=() if forget else slot.crashed_at,
        quarantined=slot.quarantined and not forget,
        starved=0 if forget else slot.starved,
        too_heavy=0 if forget else slot.too_heavy,
        too_heavy_for=0 if forget else slot.too_heavy_for,
        restarts=slot.restarts + (slot.last_exit is not None),
        last_exit=slot.last_exit,
        ended_run=slot.ended_run,
    )
    d.wake(d.now)


def _why_start(slot: Slot, anew: Reason | None) -> Reason:
    last = slot.last_exit
    if anew in ("operator_start", "operator_restart"):
        return anew
    if slot.rest is not None:
        return "spec_changed"  # its command, or what its policy says
    return "added" if last is None or last.reason in LEAVING else last.reason


def _clear_away(d: Draft, worker: str, seen: Seen | None) -> None:
    """Nothing lives here and nothing should: the last traces go, FIFOs after the last process."""
    reason = why_unwanted(d, worker)
    if worker in d.unswept:
        d.pending.setdefault(worker, reason)
        return
    keep_last_words(d, worker, seen)
    if seen is not None:
        d.actions.append(RemoveSession(worker=worker, reason=reason, session_id=seen.session_id))
        d.pending[worker] = reason
        d.wake(d.now)
    elif worker in d.observed.pipes and not d.observed.down:
        d.actions.append(RemovePipes(worker=worker, reason=reason))
    if seen is None:
        d.slots[worker] = NEW_SLOT
