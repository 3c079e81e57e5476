"""What the planner needs of each worker, in every pass: so only this, and cheaply."""

from __future__ import annotations

from collections.abc import Iterable, Set

import msgspec

from tmaxd.tasks.lives import Life
from tmaxd.tasks.trust import is_overdue, is_silent


class WorkerLoad(msgspec.Struct, frozen=True):
    worker: str
    in_flight: int
    held: bool
    """It is given no new task."""
    overdue: bool
    """It has not ended a task long after its timeout, or after it was asked to, and cannot be trusted to."""
    silent: bool = False
    """It holds tasks and has said nothing for as long as its group's lease, though it sends heartbeats."""
    ended: int = 0
    """Tasks that it has ended, well or not, as far as this daemon heard."""


def loads(lives: Iterable[Life], holds: Set[str], now: float) -> list[WorkerLoad]:
    return [
        WorkerLoad(
            life.worker,
            life.busy,
            life.worker in holds,
            is_overdue(life, now),
            is_silent(life, now),
            life.done + life.failed,
        )
        for life in lives
    ]
