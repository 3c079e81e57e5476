"""What the planner needs of each worker, in every pass: so only this, and cheaply."""

from __future__ import annotations

from collections.abc import Iterable, Set

import msgspec

from tmaxd.tasks.lives import Life
from tmaxd.tasks.view import OVERDUE


class WorkerLoad(msgspec.Struct, frozen=True):
    worker: str
    in_flight: int
    held: bool
    """It is given no new task."""
    overdue: bool
    """A task has run so far past its timeout that the worker cannot be trusted to end it."""


def loads(lives: Iterable[Life], holds: Set[str], now: float) -> list[WorkerLoad]:
    return [
        WorkerLoad(life.worker, len(life.leases), life.worker in holds, _overdue(life, now))
        for life in lives
    ]


def _overdue(life: Life, now: float) -> bool:
    timeout = life.group.rules.timeout  # those of a group that has left the spec, too
    if not life.running or timeout is None:
        return False
    return now > next(iter(life.running.values())) + timeout + OVERDUE
