"""What the planner needs of each worker, in every pass: so only this, and cheaply."""

from __future__ import annotations

from collections.abc import Iterable, Set

import msgspec

from tmaxd.tasks.lives import Life


class WorkerLoad(msgspec.Struct, frozen=True):
    worker: str
    in_flight: int
    held: bool
    """It is given no new task."""
    overdue: bool
    """A task has run so far past its timeout that the worker cannot be trusted to end it."""


def loads(lives: Iterable[Life], holds: Set[str], now: float) -> list[WorkerLoad]:
    return [
        WorkerLoad(life.worker, len(life.leases), life.worker in holds, life.is_overdue(now))
        for life in lives
    ]
