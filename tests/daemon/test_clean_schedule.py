"""When clean-ups are due: over restarts, sleeps, and clocks that are set."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tmaxd.daemon.cleaning.schedule import by_name, wait
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup

HOUR = 3600.0
DAY = 24 * HOUR
FOUR = datetime(2026, 3, 1, 4, tzinfo=UTC).timestamp()


def every(seconds: float, **more: Any) -> Cleanup:
    return Cleanup(what="tasks", every=Duration(seconds), **more)


def cron(line: str, zone: str = "UTC") -> Cleanup:
    return Cleanup(what="tasks", cron=line, zone=zone)


def test_every_so_often() -> None:
    assert wait(every(HOUR), 1000.0, 600.0, 1600.0) == 3000.0
    assert wait(every(HOUR), 1000.0, HOUR, 1000.0 + HOUR) <= 0.0


def test_a_clock_set_back_puts_nothing_off() -> None:
    assert wait(every(HOUR), 100_000.0, 600.0, 100_600.0 - 10 * HOUR) == 3000.0
    assert wait(every(HOUR), 100_000.0, HOUR, 100_600.0 - 10 * HOUR) <= 0.0


def test_a_clock_set_back_while_no_daemon_was_there() -> None:
    """The last run seems to lie ahead, and nobody knows how long ago it was: no more than one time is waited."""
    assert wait(every(DAY), 100_000.0, 0.0, 100_000.0 - 50 * DAY) == DAY


def test_missed_times_are_one() -> None:
    assert wait(every(HOUR), 1000.0, 70 * HOUR, 1000.0 + 70 * HOUR) <= 0.0
    assert (
        wait(every(HOUR), 1000.0, 60.0, 1000.0 + 70 * HOUR) <= 0.0
    )  # it slept, or the clock was set
    then = 1000.0 + 70 * HOUR
    assert wait(every(HOUR), then, 0.0, then) == HOUR


def test_by_the_crontab() -> None:
    daily = cron("0 4 * * *")
    assert wait(daily, FOUR - 60, 0.0, FOUR - 60) == 60.0
    assert wait(daily, FOUR, 0.0, FOUR) == DAY
    assert wait(daily, FOUR + 3.5, 10.0, FOUR + 13.5) == DAY - 13.5


def test_missed_times_of_the_crontab_are_one() -> None:
    daily = cron("0 4 * * *")
    late = FOUR + 5 * DAY + HOUR
    assert wait(daily, FOUR, 5 * DAY + HOUR, late) <= 0.0
    assert wait(daily, late, 0.0, late) == 23 * HOUR


def test_a_time_that_comes_twice_is_one() -> None:
    """At 04:00 it ran; at 04:10 the clock is set back to 03:30."""
    daily = cron("0 4 * * *")
    now = FOUR - 0.5 * HOUR
    assert wait(daily, FOUR, 600.0, now) == DAY + 0.5 * HOUR
    # The real time since then does not matter, unless it is a day.
    assert wait(daily, FOUR, 600.0 + 0.5 * HOUR, FOUR) == DAY


def test_a_clock_set_back_does_not_stop_what_is_frequent() -> None:
    often = cron("*/10 * * * *")
    left = wait(often, FOUR, 300.0, FOUR + 300.0 - 6 * HOUR)
    assert 0.0 < left <= 900.0


@pytest.mark.parametrize("back", [0.1, 1.0, 5.0, 30.0, 24.0 * 400])
@pytest.mark.parametrize("line", ["0 4 * * *", "*/10 * * * *", "17 * * * *", "0 3,9 * * *"])
def test_runs_stay_apart_whatever_is_done_to_the_clock(line: str, back: float) -> None:
    """A clock is set back by some hours: no two runs follow too fast, and none is missing for long."""
    entry = cron(line)
    wall, real, last, ran_at = FOUR - 60.0, 0.0, FOUR - DAY, 0.0
    gaps: list[float] = []
    jumped = False
    while real < 4 * DAY:
        left = wait(entry, last, real - ran_at, wall)
        if left > 0:
            step = min(left, 600.0)
            real, wall = real + step, wall + step
        else:
            gaps.append(real - ran_at)
            last, ran_at = wall, real
        if not jumped and real > DAY:
            wall, jumped = wall - back * HOUR, True
    regular = {"*/10 * * * *": 600.0, "17 * * * *": HOUR, "0 3,9 * * *": 18 * HOUR}.get(line, DAY)
    least = {"0 3,9 * * *": 6 * HOUR}.get(line, regular)
    gaps = [*gaps[2:], real - ran_at]
    assert min(gaps[:-1], default=DAY) >= 0.9 * least
    assert max(gaps) <= 2 * regular


def test_names_are_of_what_is_cleaned() -> None:
    a = every(HOUR, ttl=Duration(9), groups=("a", "b"))
    again = every(2 * HOUR, ttl=Duration(7), groups=("a", "b"))
    files = Cleanup(what="files", every=Duration(9), files=("/x/*",), roots=("/x",))
    assert list(by_name([a])) == list(by_name([again])) == ["tasks a b"]
    assert by_name([a, again, every(1.0), files]) == {
        "tasks a b": a,
        "tasks a b #2": again,
        "tasks": every(1.0),
        "files /x/*": files,
    }
