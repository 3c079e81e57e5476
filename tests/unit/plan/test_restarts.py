"""How long the next start waits, and what an end leaves in the slot."""

from __future__ import annotations

import pytest

from tmaxd.plan.history import LastExit, Slot, Stopping
from tmaxd.plan.reasons import REASONS, SPENDS_BUDGET, Reason
from tmaxd.plan.restarts import (
    HEALTHY_AFTER,
    MAX_DELAY,
    after_end,
    delay,
    natural_end,
)

NOW = 100.0


@pytest.mark.parametrize(
    ("crashes", "seconds"),
    [(0, 0), (1, 0), (2, 0.5), (3, 1), (4, 2), (5, 4), (8, 32), (9, 60), (10, 60)],
)
def test_delay(crashes: int, seconds: float) -> None:
    assert delay(crashes) == seconds


def test_delay_never_shrinks_and_has_a_bound() -> None:
    delays = [delay(n) for n in range(10_000)]
    assert delays == sorted(delays)
    assert delays[-1] == MAX_DELAY


@pytest.mark.parametrize(
    ("status", "signal", "reason"),
    [
        (0, None, "exited"),
        (1, None, "crashed"),
        (None, 9, "crashed"),
        (0, 15, "crashed"),
        (None, None, "crashed"),
    ],
)
def test_natural_end(status: int | None, signal: int | None, reason: str) -> None:
    assert natural_end(status, signal) == reason


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_only_its_own_fault_counts(reason: Reason) -> None:
    slot = after_end(Slot(crashes=2), reason, NOW, uptime=1.0)
    if reason not in SPENDS_BUDGET:
        assert (slot.crashes, slot.next_start) == (2, None)
    else:
        assert slot.crashes == 3
        assert slot.next_start == NOW + (2.0 if reason == "start_failed" else 1.0)


@pytest.mark.parametrize(
    ("uptime", "crashes"), [(HEALTHY_AFTER, 1), (HEALTHY_AFTER - 0.01, 6), (0.0, 6)]
)
def test_a_healthy_time_forgets_earlier_crashes(uptime: float, crashes: int) -> None:
    assert after_end(Slot(crashes=5), "crashed", NOW, uptime=uptime).crashes == crashes


def test_a_start_that_fails_never_has_the_free_first_try() -> None:
    assert after_end(Slot(), "start_failed", NOW).next_start == NOW + 0.5
    assert after_end(Slot(), "crashed", NOW).next_start == NOW


def test_what_an_end_leaves_and_clears() -> None:
    slot = Slot(
        crashes=1,
        restarts=4,
        stopping=Stopping(run="r", reason="down", since=1.0),
        hold="down",
        dying=99.0,
        changed=("env",),
    )
    ended = after_end(slot, "crashed", NOW, status=3, message="m")
    assert ended == Slot(
        crashes=2,
        restarts=4,
        next_start=NOW + 0.5,
        last_exit=LastExit(reason="crashed", status=3, message="m", at=NOW),
        changed=("env",),
    )
