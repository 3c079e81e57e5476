"""The slope of a line through samples."""

from __future__ import annotations

import random

import pytest

from tmaxd.daemon.trend import LEAST, MOST, SPAN, Trend


def slope_of(points: list[tuple[float, int]]) -> float | None:
    trend = Trend()
    for at, amount in points:
        trend.add(at, amount)
    return trend.slope()


def test_what_grows_evenly_has_its_slope() -> None:
    assert slope_of([(1e6 + 10 * n, 5_000_000 + 1000 * n) for n in range(12)]) == pytest.approx(100)
    assert slope_of([(10.0 * n, 5_000_000 - 1000 * n) for n in range(12)]) == pytest.approx(-100)
    assert slope_of([(10.0 * n, 5_000_000) for n in range(12)]) == 0


def test_nothing_is_known_before_there_is_enough() -> None:
    assert slope_of([]) is None
    few = [(n * SPAN, n) for n in range(LEAST)]
    assert slope_of(few[:-1]) is None, "too few"
    assert slope_of(few) is not None
    assert slope_of([(n * (SPAN - 1) / 50, n) for n in range(51)]) is None, "too short"
    assert slope_of([(7.0, n) for n in range(20)]) is None, "no time has passed"


def test_only_the_last_samples_count() -> None:
    grew = [(5.0 * n, n * 10_000_000) for n in range(1000)]
    stays = [(5000 + 5.0 * n, 3) for n in range(MOST)]
    assert slope_of(grew + stays) == 0


def test_it_stays_exact_for_a_run_of_months() -> None:
    chance = random.Random(7)
    trend = Trend()
    points = []
    at = 0.0
    for _ in range(50_000):
        at += chance.uniform(40, 80) * 10
        points.append((at, chance.randrange(10**9, 10**10)))
        trend.add(*points[-1])
    last = points[-MOST:]
    assert at > 86400 * 200
    assert trend.slope() == pytest.approx(_plain(last), rel=1e-6)


def _plain(points: list[tuple[float, int]]) -> float:
    n = len(points)
    mean_t, mean_y = sum(t for t, _ in points) / n, sum(y for _, y in points) / n
    over = sum((t - mean_t) * (y - mean_y) for t, y in points)
    return over / sum((t - mean_t) ** 2 for t, _ in points)
