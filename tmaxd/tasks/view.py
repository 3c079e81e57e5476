"""What the dispatcher shows of itself: counts, rates and latencies by group, and what each worker holds."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tmaxd.tasks.frames import ProgressFrame
from tmaxd.tasks.groups import GroupState
from tmaxd.tasks.lives import Life
from tmaxd.tasks.meter import percentiles
from tmaxd.tasks.task import Task
from tmaxd.tasks.trust import is_silent, overdue_at


class GroupView(msgspec.Struct, frozen=True, kw_only=True):
    in_spec: bool
    queued: int
    delayed: int
    sent: int
    """In flight and not said to be started."""
    running: int
    done: int
    dead: int
    cancelled: int
    max_queue: int | None
    """Tasks that may wait; None: no limit."""
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
    """When it is to be replaced: the oldest task it runs is past its timeout and OVERDUE, or a cancel has been
    unanswered for CANCEL_PATIENCE; None where nothing limits it."""
    overdue: bool
    silent: bool
    """It holds tasks and has said nothing for as long as its group's lease, though it sends heartbeats."""


class Progress(msgspec.Struct, frozen=True):
    """How far a task is, as its worker last said, in a unit of the worker's own."""

    done: int | float
    total: int | float | None
    note: str
    at: float
    """When that was heard."""


class InFlight(msgspec.Struct, frozen=True, kw_only=True):
    """A task that is with a worker."""

    worker: str
    run: str
    attempt: int
    sent: float
    started: float | None
    """None: its worker has not said that it began it."""
    cancelling: bool
    """Its worker has been asked to end it."""
    progress: Progress | None


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
    running = sum(len(life.running) for life in group.lives.values())
    return GroupView(
        in_spec=group.policy is not None,
        queued=group.queued,
        delayed=group.delayed,
        sent=group.in_flight - running,
        running=running,
        done=group.done,
        dead=group.dead,
        cancelled=group.cancelled,
        max_queue=group.rules.max_queue,
        rate=group.meter.rate(now),
        run=percentiles(group.meter.run_times),
        wait=percentiles(group.meter.wait_times),
    )


def _worker(life: Life, now: float) -> WorkerView:
    late_at = overdue_at(life)
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
        overdue_at=late_at,
        overdue=late_at is not None and now > late_at,
        silent=is_silent(life, now),
    )


def in_flight(lives: Iterable[Life]) -> dict[int, InFlight]:
    return {task.id: _in_flight(life, task) for life in lives for task in life.leases.values()}


def _progress(at: float, frame: ProgressFrame) -> Progress:
    return Progress(frame.done, frame.total, frame.note, at)


def _in_flight(life: Life, task: Task) -> InFlight:
    said = life.progress.get(task.id)
    return InFlight(
        worker=life.worker,
        run=life.run,
        attempt=task.attempt,
        sent=task.sent,
        started=task.started,
        cancelling=task.id in life.cancelling,
        progress=None if said is None else _progress(*said),
    )
