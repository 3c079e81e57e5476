"""Rates and percentiles."""

from __future__ import annotations

from tmaxd.tasks.meter import Meter, percentiles


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
