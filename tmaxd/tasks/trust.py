"""How far a run is trusted: whether it is silent, ends its tasks in time, answers a cancel, has got its frames.

A task is held to the timeout that it was sent with, which stands in every frame of that attempt and on disk in its
lease; the spec may say another one meanwhile."""

from __future__ import annotations

from tmaxd.tasks.lives import REMIND, Life
from tmaxd.tasks.task import Task

OVERDUE = 15.0
"""Seconds past a task's timeout after which the daemon no longer waits for the worker to enforce it."""

CANCEL_PATIENCE = 15.0
"""Seconds that a worker has to answer a cancel; then its run is treated like one that does not end its task in time."""

DOUBT = 12.0
"""Seconds that a worker is suspected before it counts as silent, so that it can speak up after a pause of the whole
machine or a clock that was set: workers send a heartbeat every ten."""


def is_silent(life: Life, now: float) -> bool:
    """It sends heartbeats, holds tasks or may do so, and has said nothing for as long as its group's lease is."""
    lease = life.group.rules.lease
    if lease is None or not life.beats or life.last_seen is None:
        return False
    if not life.leases and not life.owes:
        return False
    doubt = min(DOUBT, lease / 2)
    if now - life.last_seen < lease - doubt:
        return False
    if life.doubted_at is None or now < life.doubted_at:
        life.doubted_at = now
    return now - life.last_seen >= lease and now - life.doubted_at >= doubt


# ----------------------------------------------------------------------------------- in time


def latest(life: Life) -> tuple[float, Task] | None:
    """The task that is over its timeout first, and when it is so late that the worker cannot be trusted to end it; None
    where nothing limits what it does."""
    if not life.mixed:
        found = _first(life)
        return None if found is None else _limited(*found)
    limited = [one for task in life.running if (one := _limited(*_began(life, task))) is not None]
    if life.running:
        return min(limited, key=lambda one: one[0], default=None)
    found = _first(life)
    return None if found is None else _limited(*found)


def _first(life: Life) -> tuple[float, Task] | None:
    """What it has been at for longest, and since when."""
    if life.running:
        return _began(life, next(iter(life.running)))
    if life.says_started or not life.leases:
        return None
    # It never says what it begins: it has been at its oldest since it got it, or since it ended another.
    task = next(iter(life.leases.values()))
    return max(task.sent, life.free_at), task


def _began(life: Life, task: int) -> tuple[float, Task]:
    return life.running[task], life.leases[task]


def _limited(since: float, task: Task) -> tuple[float, Task] | None:
    return None if task.timeout is None else (since + task.timeout + OVERDUE, task)


def overdue_at(life: Life) -> float | None:
    """When it is to be replaced, because it ends a task neither in time nor when asked to."""
    times = [asked + CANCEL_PATIENCE for asked in life.cancelling.values()][:1]
    late = latest(life)
    if late is not None:
        times.append(late[0])
    return min(times, default=None)


def is_overdue(life: Life, now: float) -> bool:
    at = overdue_at(life)
    return at is not None and now > at


def ignores_cancel(life: Life, now: float) -> bool:
    """A cancel is unanswered for too long."""
    return any(now > asked + CANCEL_PATIENCE for asked in life.cancelling.values())


# ----------------------------------------------------------------------------------- reminders


def forgotten(life: Life, now: float) -> list[Task]:
    """The tasks whose frames seem to be lost: nothing runs there, and the oldest was sent long ago. Named at most
    once in REMIND seconds; less and less often if it never says what it starts, since it may be at work."""
    oldest = next(iter(life.leases.values()), None)
    if oldest is None or life.running or now - oldest.sent < REMIND or now < life.remind_at:
        return []
    life.remind_at = now + life.remind_after
    if not life.says_started:
        life.remind_after *= 2
    return [task for task in life.leases.values() if now - task.sent >= REMIND]
