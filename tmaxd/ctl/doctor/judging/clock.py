"""The clock: whether it can be trusted, and what it has done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.seen import Clock, Seen
from tmaxd.ctl.text import span

BUILT = 1735689600.0
"""2025-01-01: this program was not written before, so no right clock says so."""
SLACK = 5.0
"""Seconds that an event may seem to lie ahead: clocks are slewed by such amounts."""
SLEPT = 60.0
"""Seconds of sleep that are worth a word."""

SET = "timedatectl set-ntp true"


def clock(seen: Seen) -> Iterator[Finding]:
    yield _time(seen.clock)
    yield _sleep(seen.clock)


def _time(there: Clock) -> Finding:
    now = datetime.fromtimestamp(there.wall, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    if there.wall < BUILT:
        return Finding(
            "clock",
            "error",
            f"the clock says {now}",
            "schedules run at wrong times, and everything that has an age seems to come from the future",
            f"{SET}, or date -s",
        )
    if there.latest is not None and there.latest > there.wall + SLACK:
        back = span(there.latest - there.wall)
        return Finding(
            "clock",
            "warning",
            f"the latest event of the state lies {back} ahead of the clock ({now}): it was set back",
            f"what is to run or be removed by time waits {back} longer than it should",
            SET,
        )
    if there.synchronised is False:
        return Finding(
            "clock",
            "note",
            "nobody keeps the clock: the kernel calls it unsynchronised",
            "it drifts by seconds a week; schedules and `--at` go by it, delays and backoff do not",
            SET,
        )
    return Finding("clock", "ok", f"the clock says {now}")


def _sleep(there: Clock) -> Finding:
    if there.slept < SLEPT:
        return Finding("sleep", "ok", "the machine has not slept since it booted")
    return Finding(
        "sleep",
        "note",
        f"the machine has slept {span(there.slept)} since it booted",
        "delays, backoff and ages of workers stood still meanwhile; schedules that came due are made up for once",
        "systemctl mask sleep.target suspend.target, where it is to run all the time",
    )
