"""Rates and percentiles."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from tmaxd.tasks.meter import MEASURED, Meter, Pace, percentiles


def test_the_rate_is_that_of_the_last_ten_whole_seconds() -> None:
    meter = Meter()
    for second in range(100, 130):
        meter.ended(second + 0.5, 7)
    assert meter.rate(130.2) == 7.0
    assert meter.rate(135.2) == 3.5
    assert meter.rate(140.2) == 0.0


def test_a_young_meter_counts_the_seconds_it_has() -> None:
    meter = Meter()
    meter.ended(100.2, 4)
    assert meter.rate(100.9) == 4.0
    meter.ended(101.1, 6)
    assert meter.rate(102.0) == 5.0


def test_a_clock_that_jumps_begins_anew() -> None:
    meter = Meter()
    for second in range(100, 110):
        meter.ended(second, 10)
    assert meter.rate(50.0) == 0.0
    meter.ended(50.5, 3)
    assert meter.rate(51.0) == 3.0
    assert meter.rate(9999.0) == 0.0


def test_percentiles() -> None:
    assert percentiles([]) is None
    assert percentiles([5.0]) == (5.0, 5.0)
    assert percentiles(float(i) for i in range(101)) == (50.0, 99.0)


def test_samples_are_bounded() -> None:
    meter = Meter()
    meter.run_times.extend(float(i) for i in range(10_000))
    assert len(meter.run_times) == 256


@dataclass
class Timed:
    at: float
    sent: float
    started: float | None


def test_times_are_from_start_to_result_and_from_submission_to_start() -> None:
    meter = Meter()
    meter.measure(10.0, [Timed(1.0, 2.0, 4.0), Timed(1.0, 2.0, None)])
    assert list(meter.run_times) == [6.0, 8.0]
    assert list(meter.wait_times) == [3.0, 1.0]


@pytest.mark.parametrize("count", [1, 7, 8, 64, 1000])
def test_of_many_some_are_measured_that_stand_for_all(count: int) -> None:
    meter = Meter()
    meter.measure(2000.0, [Timed(0.0, float(n), None) for n in range(count)])
    assert min(count, MEASURED) // 2 < len(meter.run_times) <= MEASURED
    assert max(meter.wait_times) >= count * 0.75 - 1
    assert min(meter.wait_times) == 0.0


def test_a_pace_follows_what_is_seen() -> None:
    assert Pace().seconds is None
    pace = Pace()
    pace.ended(8.0)
    assert pace.seconds == 8.0
    pace.ended(4.0)
    assert pace.seconds == 7.0
    for _ in range(40):
        pace.ended(1.0)
    assert pace.seconds == pytest.approx(1.0, abs=0.001)


def test_many_at_once_count_as_many() -> None:
    one, many = Pace(), Pace()
    one.ended(8.0)
    many.ended(8.0)
    for _ in range(5):
        one.ended(2.0)
    many.ended(2.0, 5)
    assert many.seconds == pytest.approx(one.seconds)


def test_what_is_doubted_is_replaced_once() -> None:
    pace = Pace()
    pace.ended(100.0)
    pace.doubt()
    assert pace.seconds == 100.0
    pace.ended(4.0)
    assert pace.seconds == 4.0
    pace.ended(8.0)
    assert pace.seconds == 5.0


def test_tasks_that_share_a_worker_share_the_time() -> None:
    pace = Pace()
    pace.batch(100.0, 104.0, 4)
    assert pace.seconds == 1.0
    # sent long ago, but the worker was busy with the others until 104
    pace.batch(100.0, 106.0, 2)
    assert pace.seconds == 1.0
    # idle until 200
    pace.batch(200.0, 201.0, 1)
    assert pace.seconds == 1.0
    # the clock was set back
    pace.batch(50.0, 51.0, 1)
    assert pace.seconds == 1.0
    pace.batch(60.0, 55.0, 1)
    assert pace.seconds == 0.75
