"""Status: what the loop, the dispatcher and the spec file know, put into the words that users read. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from tmaxd.daemon.api import types as t
from tmaxd.daemon.runs import LiveRun
from tmaxd.plan.draft import split
from tmaxd.plan.history import NEW_SLOT, LastExit, Slot
from tmaxd.spec.model import Spec
from tmaxd.tasks.view import GroupView, View, WorkerView

SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 6: "ABRT", 9: "KILL", 11: "SEGV", 13: "PIPE", 15: "TERM"}


def group(name: str, spec: Spec, view: View, workers: Iterable[t.WorkerStatus]) -> t.GroupStatus:
    own = [w for w in workers if w.group == name]
    seen = view.groups.get(name)
    run = _milliseconds(seen.run if seen else None)
    wait = _milliseconds(seen.wait if seen else None)
    return t.GroupStatus(
        name=name,
        kind=spec.workers[name].kind,
        count=spec.workers[name].count,
        ready=sum(w.ready for w in own),
        workers=sum(w.pid is not None for w in own),
        queued=_count(seen, "queued"),
        delayed=_count(seen, "delayed"),
        sent=_count(seen, "sent"),
        running=_count(seen, "running"),
        done=_count(seen, "done"),
        dead=_count(seen, "dead"),
        cancelled=_count(seen, "cancelled"),
        max_queue=spec.workers[name].max_queue,
        rate=seen.rate if seen else 0.0,
        p50_ms=run[0],
        p99_ms=run[1],
        wait_p50_ms=wait[0],
        wait_p99_ms=wait[1],
    )


def _milliseconds(seconds: tuple[float, float] | None) -> tuple[float | None, float | None]:
    return (None, None) if seconds is None else (seconds[0] * 1000, seconds[1] * 1000)


def _count(seen: GroupView | None, name: str) -> int:
    return int(getattr(seen, name)) if seen is not None else 0


def inboxes(
    spec: Spec, pipes: Path, full: Mapping[str, str], disk: str | None
) -> tuple[t.InboxStatus, ...]:
    """`full`: inboxes whose lines wait for room in a queue, and why; `disk`: what the disk refuses."""
    stopped = None if disk is None else f"nothing can be written: {disk}"
    return tuple(
        t.InboxStatus(
            name=name,
            to=inbox.to,
            path=str(pipes / f"{name}.pipe"),
            paused=stopped or full.get(name),
        )
        for name, inbox in spec.pipes.inboxes.items()
    )


def outboxes(spec: Spec, pipes: Path, lost: Mapping[str, int]) -> tuple[t.OutboxStatus, ...]:
    return tuple(
        t.OutboxStatus(
            name=name,
            from_=outbox.sources,
            path=str(pipes / f"{name}.pipe"),
            lost=lost.get(name, 0),
        )
        for name, outbox in spec.pipes.outboxes.items()
    )


def leftovers(spec: Spec, view: View) -> tuple[t.Leftover, ...]:
    return tuple(
        t.Leftover(group=name, queued=seen.queued + seen.delayed + seen.sent + seen.running)
        for name, seen in sorted(view.groups.items())
        if name not in spec.workers and seen.queued + seen.delayed + seen.sent + seen.running
    )


def worker(
    name: str,
    *,
    live: LiveRun | None,
    slot: Slot,
    pending: Mapping[str, str],
    held: WorkerView | None,
    silent: bool,
    since: float,
    wall_of: float,
) -> t.WorkerStatus:
    """`wall_of`: what to add to a monotonic time to get wall time."""
    state, reason = _state(live, slot, pending.get(name), held)
    alive = live is not None and live.alive
    return t.WorkerStatus(
        name=name,
        group=split(name)[0],
        state=state,
        reason=reason,
        message=_message(state, slot, live),
        since=live.started_wall if live is not None and alive else since,
        pid=live.proc.pid if live is not None and alive else None,
        run=live.run if live else None,
        revision=live.revision if live else None,
        restarts=slot.restarts,
        last_exit=_last_exit(slot.last_exit),
        ready=alive and live is not None and (live.ready or not live.takes_tasks),
        in_flight=len(held.in_flight) if held else 0,
        running=held.running if held else (),
        next_start=slot.next_start + wall_of if state == "backoff" and slot.next_start else None,
        pending=slot.hold or (pending.get(name) if state in ("idle", "busy", "running") else None),
        heard=held.last_seen if held else None,
        silent=silent and alive,
        bad=held.bad if held else 0,
        strays=held.strays if held else 0,
    )


def _state(
    live: LiveRun | None, slot: Slot, pending: str | None, held: WorkerView | None
) -> tuple[t.WorkerState, str]:
    last = slot.last_exit.reason if slot.last_exit else ""
    if live is None or not live.alive:
        if pending == "backoff":
            return "backoff", last
        return ("starting" if pending else "absent"), last or (pending or "")
    if slot.stopping is not None:
        return "stopping", slot.stopping.reason
    if not live.takes_tasks:
        return "running", last
    if not live.ready:
        return "starting", last
    if slot.hold is not None:
        return "draining", slot.hold
    return ("busy" if held and held.in_flight else "idle"), last


def _message(state: t.WorkerState, slot: Slot, live: LiveRun | None) -> str:
    if live is not None and live.protocol_trouble:
        return live.protocol_trouble
    last = slot.last_exit
    if state == "backoff" and last is not None and slot.next_start is not None:
        return f"{_last_exit(last)}; {slot.crashes} in a row"
    if state == "draining":
        return f"{slot.hold}: waits for the tasks in hand" + _changed(slot.changed)
    if state == "stopping" and slot.stopping is not None:
        return f"{slot.stopping.reason}" + _changed(slot.stopping.fields)
    return ""


def _changed(fields: tuple[str, ...]) -> str:
    return f" ({', '.join(fields)} changed)" if fields else ""


def _last_exit(last: LastExit | None) -> str | None:
    if last is None:
        return None
    if last.message:
        return f"{last.reason}: {last.message}"
    if last.signal is not None:
        return f"{last.reason}: killed by SIG{SIGNALS.get(last.signal, last.signal)}"
    if last.status is not None:
        return f"{last.reason}: exit status {last.status}"
    return f"{last.reason}: exit status unknown"


def slot_of(slots: Mapping[str, Slot], name: str) -> Slot:
    return slots.get(name, NEW_SLOT)
