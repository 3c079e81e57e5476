"""What a pass remembers for the next one. Everything else is looked at anew each time."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tmaxd.plan.reasons import Reason
from tmaxd.plan.tallies import NO_MEMORY, Memory


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """A run on its way out. `typed`, `signalled` and `killed`: when (monotonic), None for not yet."""

    run: str
    reason: Reason
    since: float
    fields: tuple[str, ...] = ()
    typed: float | None = None
    signalled: float | None = None
    killed: float | None = None
    hard: bool = False
    """It gets SIGKILL, and is asked for nothing before."""


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """A run whose first process is gone, until its last process is."""

    worker: str
    since: float
    signalled: float | None = None
    killed: float | None = None
    after: float = 10.0
    """Seconds between the polite signal and SIGKILL."""
    signal: str = "TERM"


class LastExit(msgspec.Struct, frozen=True, kw_only=True):
    reason: Reason
    status: int | None = None
    signal: int | None = None
    message: str = ""
    at: float
    """Monotonic."""


class Roll(msgspec.Struct, frozen=True, kw_only=True):
    """The change of a group to another fingerprint, under way or over. Times are monotonic."""

    fingerprint: str
    since: float
    good: bool = False
    """All its workers have been healthy with it."""
    canaries_at: float | None = None
    """When the canaries had been healthy for long enough."""
    paused_until: float | None = None
    """No further batch before."""
    failures: Mapping[str, int] = {}
    """Worker to what its runs of it that ended by their own fault, or were not ready in time, before they ever counted
    as healthy weigh; forgotten once a later run of the worker has counted as healthy."""
    proven: frozenset[str] = frozenset()
    """Those runs of it that live and have counted as healthy: what becomes of them is no word against it."""
    given_up: bool = False
    """It failed, and nothing more is changed to it."""


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a worker."""

    crashes: int = 0
    """In a row; forgotten after the worker has been up for a while."""
    crashed_at: tuple[float, ...] = ()
    """Monotonic: those within the limit's time, oldest first; empty where there is no limit."""
    rest: Reason | None = None
    """Why it is not started again by itself: `finished`, `failed`, `crash_limit`, `memory_limit`."""
    quarantined: bool = False
    """It crashed too often, and is tried seldom."""
    starved: int = 0
    """Ends for want of memory in a row (`reasons.FOR_MEMORY`); forgotten after a good time."""
    too_heavy: int = 0
    """Runs in a row that were killed at `too_heavy_for` without ever having kept to it."""
    too_heavy_for: int = 0
    """Bytes."""
    restarts: int = 0
    next_start: float | None = None
    """Monotonic; None: at once."""
    tried: str = ""
    """Fingerprint of what failed last; empty when it is not known, or when it was started again since."""
    ended_run: str = ""
    """The run that ended last."""
    stopping: Stopping | None = None
    hold: Reason | None = None
    """Why it gets no new task while it finishes what it has."""
    held_since: float | None = None
    """Monotonic: when that began; from then on counts the time that its tasks may take."""
    dying: float | None = None
    """Since when the process is gone while tmux has not told how it ended."""
    last_exit: LastExit | None = None
    changed: tuple[str, ...] = ()
    """The fields of the spec for whose sake it is being replaced."""


class Death(msgspec.Struct, frozen=True, kw_only=True):
    """A worker that was ended from outside a moment ago, and what its slot had spent before: should it turn out that
    many died with it, it has not crashed."""

    at: float
    """Monotonic."""
    crashes: int
    crashed_at: tuple[float, ...]
    quarantined: bool


class MassDeath(msgspec.Struct, frozen=True, kw_only=True):
    """Many died at once, for one cause outside. Times are monotonic."""

    at: float
    last: float
    """When the last one of them was seen dead: whoever follows soon belongs to it."""
    count: int
    """So many have been given their time of revival."""


class Revival(msgspec.Struct, frozen=True, kw_only=True):
    """Those who died with many others, until they are up again."""

    at: float
    """Monotonic."""
    reason: Reason
    died: frozenset[str]
    waiting: frozenset[str]
    """Of these, those that are not up again: what happens to them is part of the one event."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    slots: Mapping[str, Slot] = {}
    sweeps: Mapping[str, Sweep] = {}
    """By run id."""
    rolls: Mapping[str, Roll] = {}
    """By group."""
    deaths: Mapping[str, Death] = {}
    """By worker; for a moment only."""
    mass: MassDeath | None = None
    """For a moment only."""
    revival: Revival | None = None
    memory: Memory = NO_MEMORY


NEW_SLOT = Slot()
