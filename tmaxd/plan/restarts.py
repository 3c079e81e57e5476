"""What the end of a run means for its slot, and when it may start again.

The first end after a healthy time costs no delay; each further one doubles it: 0 s, 0.5 s, 1 s, 2 s … 60 s.
Only ends that are the worker's own fault count (`reasons.SPENDS_BUDGET`).
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.history import LastExit, Slot
from tmaxd.plan.reasons import SPENDS_BUDGET, Reason

SECOND_DELAY = 0.5
MAX_DELAY = 60.0
HEALTHY_AFTER = 10.0
"""Seconds up after which earlier crashes are forgotten."""


def delay(crashes: int) -> float:
    """Seconds to wait after the n-th crash in a row."""
    if crashes <= 1:
        return 0.0
    return min(SECOND_DELAY * 2.0 ** min(crashes - 2, 16), MAX_DELAY)


def natural_end(status: int | None, signal: int | None) -> Reason:
    return "exited" if status == 0 and signal is None else "crashed"


def after_end(
    slot: Slot,
    reason: Reason,
    now: float,
    *,
    uptime: float = 0.0,
    status: int | None = None,
    signal: int | None = None,
    message: str = "",
) -> Slot:
    """The slot once its run has ended (or could not be started)."""
    crashes, next_start = slot.crashes, None
    if reason in SPENDS_BUDGET:
        crashes = 1 if uptime >= HEALTHY_AFTER else crashes + 1
        # A start that failed cannot have been healthy: it never gets the free first try twice.
        wait = delay(crashes + 1 if reason == "start_failed" else crashes)
        next_start = now + wait
    return msgspec.structs.replace(
        slot,
        crashes=crashes,
        next_start=next_start,
        stopping=None,
        hold=None,
        dying=None,
        last_exit=LastExit(reason=reason, status=status, signal=signal, message=message, at=now),
    )
