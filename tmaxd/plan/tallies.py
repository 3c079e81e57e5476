"""What the planner remembers of memory: how often in a row each limit was exceeded, who is to go, whether starts are
held back. Values only; how they are counted is the affair of `counting`, what follows of `memory`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tmaxd.plan.reasons import Reason

Scope = Literal["worker", "group", "fleet"]
"""Whose limit it was."""


class Count(msgspec.Struct, frozen=True):
    """Samples in a row above each threshold."""

    warn: int = 0
    recycle: int = 0
    kill: int = 0
    under: int = 0
    """Samples in a row that were not above `recycle`."""
    warned: bool = False
    """It was told, and has not been below since."""
    used: int = 0
    """Bytes in the last sample."""


NO_COUNT = Count()


class Tally(msgspec.Struct, frozen=True):
    """One run of a worker or spare."""

    run: str
    count: Count = NO_COUNT
    bytes: int = 0
    """In its last sample."""
    least: int | None = None
    """The least that it used since it was warm (`counting.is_warm`): what a fresh run in its place would need. None: it
    was not seen warm yet."""
    too_low: int | None = None
    """The limit of which it was told that the run cannot keep to it."""


class Mark(msgspec.Struct, frozen=True):
    """A run that is to go, and whose limit it is for."""

    run: str
    reason: Reason
    scope: Scope


class Victim(msgspec.Struct, frozen=True):
    """The run that goes, or went last, for a total."""

    worker: str
    run: str
    gone: float | None = None
    """Monotonic: when nothing was left of it; None: it is still there."""


class Memory(msgspec.Struct, frozen=True, kw_only=True):
    number: int = -1
    """Of the sample that was counted last."""
    workers: Mapping[str, Tally] = {}
    """Of workers and spares."""
    groups: Mapping[str, Count] = {}
    fleet: Count = NO_COUNT
    marks: Mapping[str, Mark] = {}
    """By worker or spare."""
    victims: Mapping[str, Victim] = {}
    """By group; the fleet's stands under the empty name."""
    held: int | None = None
    """The sample since which no worker is started; None: they are."""
    pool_held: bool = False
    """No spare is started."""
    sizes: Mapping[str, int] = {}
    """Fingerprint to the most that a run of it used when it had just become ready."""
    admitted: Mapping[str, int] = {}
    """Workers whose start is not over, to the bytes that each was expected to need."""


NO_MEMORY = Memory()
