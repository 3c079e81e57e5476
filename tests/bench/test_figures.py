"""What a figure says of its samples."""

from __future__ import annotations

import pytest

from tests.bench.figures import ABSENT, Figure, percentile, ratio, table


def figure(*samples: float, **more: object) -> Figure:
    return Figure(**{"suite": "s", "what": "w", "unit": "ms", "samples": samples, **more})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("better", "samples", "met"),
    [
        ("low", (1.0, 2.0, 99.0), True),
        ("low", (1.0, 2.1, 2.2), False),
        ("high", (1.0, 2.0, 2.0), True),
        ("high", (1.0, 1.9, 99.0), False),
        ("low", (), None),
    ],
)
def test_the_median_meets_the_limit_or_not(
    better: str, samples: tuple[float, ...], met: bool | None
) -> None:
    assert figure(*samples, limit=2.0, better=better).met is met
    assert figure(*samples, better=better).met is None


def test_a_ratio_is_made_round_by_round() -> None:
    made = ratio("s", "a / b", [2.0, 30.0, 8.0], [1.0, 10.0, 2.0], 3.0)
    assert made.samples == (2.0, 3.0, 4.0)
    assert made.met is True


def test_a_percentile_is_one_of_the_values() -> None:
    values = [float(n) for n in range(100, 0, -1)]
    assert [percentile(values, part) for part in (0.5, 0.99, 1.0)] == [51.0, 100.0, 100.0]


def test_the_table_shows_what_was_missed_and_what_is_absent() -> None:
    shown = table([figure(1234.5, limit=2.0), figure(note=ABSENT)]).splitlines()
    assert shown[1].split() == ["s", "w", "1,234", "ms", "≤", "2", "ms", "MISSED"]
    assert shown[2].split() == ["s", "w", "-", "not", "installed"]
