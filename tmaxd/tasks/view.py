"""What the dispatcher shows of itself: counts, rates and latencies by group, and what each worker holds."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tmaxd.tasks.lives import GroupState, Life
from tmaxd.tasks.meter import percentiles


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    in_spec: bool
    queued: int
    delayed: int
    sent: int
    """In flight and not said to be started."""
    running: int
    done: int
    dead: int
    rate: float
    """Attempts that ended, a second, over the last ten seconds."""
    run: tuple[float, float] | None
    """(p50, p99) seconds from start to result, of the latest tasks done; None of none."""
    wait: tuple[float, float] | None
    """(p50, p99) seconds from submission to start."""


class WorkerView(msgspec.Struct, frozen=True, kw_only=True):
    """One run; a worker has one that is `ready` and can have an earlier one whose end is not yet sure."""

    worker: str
    group: str
    run: str
    ready: bool
    held: bool
    window: int
    """Tasks it may hold now; 0 while it is given none."""
    in_flight: tuple[int, ...]
    running: tuple[int, ...]
    done: int
    last_seen: float | None
    """Wall time of its last frame, by this dispatcher."""
    strays: int
    bad: int
    overdue_at: float | None
    """When the oldest task it runs is past its timeout and OVERDUE; None where nothing limits it."""
    overdue: bool


class View(msgspec.Struct, frozen=True, kw_only=True):
    groups: dict[str, GroupView]
    workers: dict[str, WorkerView]
    """By run."""
    strays: int
    """Frames of runs that are not known."""


def render(groups: Iterable[GroupState], lives: Iterable[Life], strays: int, now: float) -> View:
    return View(
        groups={group.name: _group(group, now) for group in groups},
        workers={life.run: _worker(life, now) for life in lives},
        strays=strays,
    )


def _group(group: GroupState, now: float) -> GroupView:
    held = sum(len(life.leases) for life in group.lives.values())
    running = sum(len(life.running) for life in group.lives.values())
    return GroupView(
        in_spec=group.policy is not None,
        queued=group.queued,
        delayed=group.delayed,
        sent=held - running,
        running=running,
        done=group.done,
        dead=group.dead,
        rate=group.meter.rate(now),
        run=percentiles(group.meter.run_times),
        wait=percentiles(group.meter.wait_times),
    )


def _worker(life: Life, now: float) -> WorkerView:
    overdue_at = life.overdue_at()
    return WorkerView(
        worker=life.worker,
        group=life.group.name,
        run=life.run,
        ready=life.ready,
        held=life.held,
        window=life.window,
        in_flight=tuple(life.leases),
        running=tuple(life.running),
        done=life.done,
        last_seen=life.last_seen,
        strays=life.strays,
        bad=life.bad,
        overdue_at=overdue_at,
        overdue=overdue_at is not None and now > overdue_at,
    )
