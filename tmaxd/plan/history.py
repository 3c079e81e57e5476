"""What a pass remembers for the next one. Everything else is looked at anew each time."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tmaxd.plan.reasons import Reason


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """A run on its way out. `signalled` and `killed`: when (monotonic), None for not yet."""

    run: str
    reason: Reason
    since: float
    fields: tuple[str, ...] = ()
    signalled: float | None = None
    killed: float | None = None


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


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """What is remembered of a worker."""

    crashes: int = 0
    """In a row; forgotten after the worker has been up for a while."""
    restarts: int = 0
    next_start: float | None = None
    """Monotonic; None: at once."""
    tried: str = ""
    """Fingerprint of what could not even be started; empty when the last start worked."""
    stopping: Stopping | None = None
    hold: Reason | None = None
    """Why it gets no new task while it finishes what it has."""
    dying: float | None = None
    """Since when the process is gone while tmux has not told how it ended."""
    last_exit: LastExit | None = None
    changed: tuple[str, ...] = ()
    """The fields of the spec for whose sake it is being replaced."""


class History(msgspec.Struct, frozen=True, kw_only=True):
    slots: Mapping[str, Slot] = {}
    sweeps: Mapping[str, Sweep] = {}
    """By run id."""


NEW_SLOT = Slot()
