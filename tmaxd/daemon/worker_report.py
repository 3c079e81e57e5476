"""The status of one worker: what the loop and the dispatcher know of it, put into the words that users read. Pure."""

from __future__ import annotations

import signal
from typing import Literal

import msgspec

from tmaxd.daemon import conditions
from tmaxd.daemon.api import types as t
from tmaxd.daemon.figures import Figure
from tmaxd.daemon.moments import Truths
from tmaxd.daemon.runs import LiveRun
from tmaxd.daemon.usage_report import usage
from tmaxd.plan.draft import split
from tmaxd.plan.history import NEW_SLOT, LastExit, Slot
from tmaxd.plan.observed import NO_INTENT, Intent
from tmaxd.tasks.view import WorkerView

OrderWord = Literal["stop", "drain", "restart", "pause", "pin"]

RESTS: dict[str | None, t.WorkerState] = {
    "operator_stop": "stopped",
    "finished": "finished",
    "failed": "failed",
    "crash_limit": "failed",
    "memory_limit": "failed",
}
WAITS: dict[str, t.WorkerState] = {
    "backoff": "backoff",
    "mass_death": "backoff",
    "server_died": "backoff",
    "rebooted": "backoff",
    "quarantined": "quarantined",
    "after": "waiting",
    "memory_hold": "waiting",
    "keep_free": "waiting",
    "one_by_one": "waiting",
}
HELD = {
    "memory_hold": "the fleet's memory to fall below `hold`",
    "keep_free": "memory: its start would leave the machine with less than `keep_free`",
    "one_by_one": "the start of another worker to be over",
}
"""What a start that is held back waits for."""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a worker."""

    name: str
    live: LiveRun | None
    slot: Slot = NEW_SLOT
    pending: str | None = None
    """The planner's word for what is not yet as it should be."""
    kept: tuple[Literal["pinned", "attached", "busy"], ...] = ()
    """What that waits for."""
    truths: Truths = conditions.DOWN
    """Of its conditions."""
    moments: tuple[float, ...] = (0.0,) * len(conditions.DOWN)
    """Wall times since when these are so."""
    waits: str = ""
    blocked: str = ""
    """The group that has failed, so that it waits in vain."""
    held: WorkerView | None = None
    usage: Figure | None = None
    limits: t.Condition | None = None
    """Whether it keeps to its memory limits; None: that was not asked."""
    silent: bool = False
    drift: tuple[str, ...] = ()
    intent: Intent = NO_INTENT
    wanted_revision: int = 0
    since: float = 0.0
    """Wall time of its last end, or of the daemon's start."""
    wall_of: float = 0.0
    """What to add to a monotonic time to get wall time."""


def worker(f: Facts) -> t.WorkerStatus:
    live, slot, held = f.live, f.slot, f.held
    state, reason = _state(f)
    alive = live is not None and live.alive
    ready_at = live.ready_at if live is not None and alive else None
    due = slot.next_start if state in ("backoff", "quarantined") else None
    waits = alive and state not in ("starting", "stopping")
    pending = slot.hold or (f.pending if waits else None)
    status = t.WorkerStatus(
        name=f.name,
        group=split(f.name)[0],
        state=state,
        reason=reason,
        message=_message(state, f),
        since=live.started_wall if live is not None and alive else f.since,
        pid=live.proc.pid if live is not None and alive else None,
        run=live.run if live else None,
        revision=live.revision if live else None,
        wanted_revision=f.wanted_revision,
        outdated=f.drift if alive else (),
        restarts=slot.restarts,
        crashes=slot.crashes,
        last_exit=last_exit(slot.last_exit),
        ready=ready_at is not None,
        healthy=live.healthy if live is not None and alive else None,
        in_flight=len(held.in_flight) if held else 0,
        running=held.running if held else (),
        next_start=due + f.wall_of if due is not None else None,
        pending=pending,
        held_by=f.kept if pending is not None else (),
        waits=f.waits,
        orders=_orders(f.intent),
        heard=held.last_seen if held else None,
        silent=f.silent and alive,
        bad=held.bad if held else 0,
        strays=held.strays if held else 0,
        usage=usage(f.usage, f.wall_of) if alive else None,
    )
    found = conditions.of_worker(status, f.truths, f.moments)
    if f.limits is not None:
        found = (*found, f.limits)
    return msgspec.structs.replace(status, conditions=found)


def _orders(intent: Intent) -> tuple[OrderWord, ...]:
    said: tuple[tuple[OrderWord, bool], ...] = (
        ("stop", intent.stopped and not intent.drain),
        ("drain", intent.stopped and intent.drain),
        ("restart", bool(intent.restart) and not intent.start),
        ("pause", intent.paused),
        ("pin", intent.pinned),
    )
    return tuple(word for word, holds in said if holds)


def _state(f: Facts) -> tuple[t.WorkerState, str]:
    live, slot = f.live, f.slot
    last = slot.last_exit.reason if slot.last_exit else ""
    if live is None or not live.alive:
        return _without_process(f, last)
    if slot.stopping is not None:
        return "stopping", slot.stopping.reason
    if not live.ready:
        return "starting", last
    if live.healthy is False:
        return "unhealthy", "unhealthy"
    if not live.takes_tasks:
        return "running", last
    if slot.hold is not None:
        return "draining", slot.hold
    return ("busy" if f.held and f.held.in_flight else "idle"), last


def _without_process(f: Facts, last: str) -> tuple[t.WorkerState, str]:
    if f.slot.rest is not None and not f.pending:
        return RESTS.get(f.slot.rest, "failed"), f.slot.rest
    if f.pending in WAITS:
        return WAITS[f.pending], last or f.pending
    return ("starting" if f.pending else "absent"), last or (f.pending or "")


def _message(state: t.WorkerState, f: Facts) -> str:
    live, slot, last = f.live, f.slot, f.slot.last_exit
    if live is not None and live.protocol_trouble:
        return live.protocol_trouble
    if state in ("backoff", "quarantined") and last is not None:
        crashes = f"; {slot.crashes} in a row" if slot.crashes > 1 else ""
        return f"{last_exit(last)}{crashes}"
    if state == "waiting":
        return _waiting(f)
    if state in ("failed", "finished") and last is not None:
        return last_exit(last) or ""
    if state == "draining":
        return _draining(f)
    if state == "stopping" and slot.stopping is not None:
        words = slot.stopping.reason + _changed(slot.stopping.fields)
        return f"{words}: {live.probe}" if live is not None and live.probe else words
    return _checks(live) if live is not None and live.alive else ""


def _waiting(f: Facts) -> str:
    if f.pending in HELD:
        return f"waits for {HELD[f.pending]}"
    if not f.blocked:
        return f"waits for {f.waits}"
    return (
        f"waits for {f.waits}; {f.blocked} has failed, and does not come by itself: "
        f"`tmaxctl start {f.blocked}` or an edit of it brings it on"
    )


def _draining(f: Facts) -> str:
    slot = f.slot
    if slot.hold == "paused":
        return "paused by an operator: gets no new tasks"
    tasks = len(f.held.in_flight) if f.held else 0
    waits = f"waits for the {'task' if tasks == 1 else f'{tasks} tasks'} in hand"
    if slot.hold == "operator_stop":
        order = "drained" if f.intent.drain else "stopped"
        return f"{order} by an order: {waits}"
    return f"{slot.hold}: {waits}" + _changed(slot.changed)


def _checks(live: LiveRun) -> str:
    """What its group's checks say against it."""
    if not live.probe:
        return ""
    if not live.ready:
        return f"not ready yet: {live.probe}"
    return f"unhealthy: {live.probe}" if live.healthy is False else live.probe


def _changed(fields: tuple[str, ...]) -> str:
    return f" ({', '.join(fields)} changed)" if fields else ""


def last_exit(last: LastExit | None) -> str | None:
    if last is None:
        return None
    if last.message:
        return f"{last.reason}: {last.message}"
    if last.signal is not None:
        return f"{last.reason}: killed by {_name(last.signal)}"
    if last.status is not None:
        return f"{last.reason}: exit status {last.status}"
    return f"{last.reason}: exit status unknown"


def _name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
