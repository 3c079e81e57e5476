"""Status: what the loop, the dispatcher and the spec file know, put into the words that users read. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from tmaxd.daemon import conditions, usage_report
from tmaxd.daemon.api import types as t
from tmaxd.daemon.looking import Looking
from tmaxd.daemon.revisions import Revisions
from tmaxd.spec.model import Group, Spec
from tmaxd.tasks.view import GroupView, View


def group(
    name: str,
    spec: Group,
    count: int,
    revisions: Revisions,
    looking: Looking,
    view: View,
    own: Sequence[t.WorkerStatus],
    pool: t.PoolStatus | None = None,
) -> t.GroupStatus:
    """`count`: what there should be; `own`: its workers."""
    seen = view.groups.get(name)
    back = _rolled_back(name, revisions)
    run = _milliseconds(seen.run if seen else None)
    wait = _milliseconds(seen.wait if seen else None)
    return t.GroupStatus(
        name=name,
        kind=spec.kind,
        count=count,
        in_file=spec.count,
        revision=revisions.revision_of(name),
        rolled_back=back,
        outdated=sum(bool(w.outdated) for w in own),
        chain=_link(spec, count, own),
        conditions=(
            *conditions.of_group(
                own, count, back, looking.groups.truths(name), looking.groups.since(name)
            ),
            looking.limits.of_group(name, [w.conditions[-1] for w in own]),
        ),
        ready=sum(w.ready for w in own),
        workers=sum(w.pid is not None for w in own),
        queued=_count(seen, "queued"),
        delayed=_count(seen, "delayed"),
        sent=_count(seen, "sent"),
        running=_count(seen, "running"),
        done=_count(seen, "done"),
        dead=_count(seen, "dead"),
        cancelled=_count(seen, "cancelled"),
        pool=pool,
        max_queue=spec.max_queue,
        rate=seen.rate if seen else 0.0,
        p50_ms=run[0],
        p99_ms=run[1],
        wait_p50_ms=wait[0],
        wait_p99_ms=wait[1],
        usage=usage_report.total(w.usage for w in own),
    )


def _rolled_back(name: str, revisions: Revisions) -> t.RolledBackGroup | None:
    failed = revisions.failed(name)
    if failed is None:
        return None
    return t.RolledBackGroup(
        revision=failed.revision,
        to=revisions.revision_of(name),
        message=failed.message,
        at=failed.at,
    )


def _link(spec: Group, count: int, own: Sequence[t.WorkerStatus]) -> t.ChainLink:
    started = [w.since for w in own if w.pid is not None]
    ready = [
        condition.since
        for w in own
        for condition in w.conditions
        if (condition.type, condition.status) == ("Ready", "True") and condition.since is not None
    ]
    return t.ChainLink(
        after=tuple(f"{after.group}: {after.condition}" for after in spec.after),
        waits=next((w.waits for w in own if w.state == "waiting"), ""),
        started=max(started) if started and len(started) >= count else None,
        ready=max(ready) if ready and len(ready) >= count else None,
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


def routes(spec: Spec) -> tuple[t.RouteStatus, ...]:
    return tuple(
        t.RouteStatus(
            from_=route.sources,
            to=route.to,
            when=route.when,
            payload=route.payload,
            max_hops=route.max_hops,
        )
        for route in spec.pipes.routes
    )


def leftovers(spec: Spec, view: View) -> tuple[t.Leftover, ...]:
    return tuple(
        t.Leftover(group=name, queued=seen.queued + seen.delayed + seen.sent + seen.running)
        for name, seen in sorted(view.groups.items())
        if name not in spec.workers and seen.queued + seen.delayed + seen.sent + seen.running
    )
