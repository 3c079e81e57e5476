"""What the spec says of memory and age: how much a worker, a group and the fleet may use, and when a worker is replaced
by a fresh one. The thresholds are of the whole process tree."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tmaxd.spec.units import Duration, Size

Samples = Annotated[int, Meta(ge=1, le=1000)]
MaxTasks = Annotated[int, Meta(ge=1, le=1_000_000_000)]


class Thresholds(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bytes; None: there is no such threshold. Each counts once it was exceeded in `samples` samples in a row."""

    warn: Size | None = None
    """It is told, once."""
    recycle: Size | None = None
    """Replaced by a fresh run at the next idle moment."""
    kill: Size | None = None
    """Killed at once, with what it does."""
    samples: Samples = msgspec.field(default=3, name="for")


class WorkerMemory(Thresholds, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of each worker of a group."""

    deadline: Duration | None = Duration(600)
    """Seconds that a recycle waits for the tasks in hand; then it waits no longer. None: as long as they take."""
    high: Size | None = None
    """`memory.high` of the worker's cgroup, where it has one: beyond it the kernel slows it down and reclaims."""
    max: Size | None = None
    """`memory.max` of the worker's cgroup: beyond it the kernel kills it."""
    total: Thresholds = Thresholds()
    """Of all workers of the group together; the worst of them go."""


class FleetMemory(Thresholds, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of the whole fleet: all workers and spares, the tmux server and the daemon."""

    hold: Size | None = None
    """No worker is started and no pool refilled, until it is below again."""


class Memory(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sample: Duration = Duration(5)
    """Seconds between two samples."""
    fleet: FleetMemory = FleetMemory()
    keep_free: Size | None = None
    """Bytes that the machine keeps available: a start that would leave less waits."""


class MaxAge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A worker that has run for so long is replaced at the next idle moment."""

    after: Duration
    jitter: float = 0.1
    """Each run's age is shortened by up to this part, so that workers of one age do not go together."""
