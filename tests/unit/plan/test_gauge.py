"""The row of checks that makes a worker healthy or not, and when the next one is due."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.plan.gauge import (
    Gauge,
    Silence,
    counted,
    listened,
    next_early_try,
    next_look,
    next_try,
    too_long,
)


def after(checks: str, failures: int = 3, successes: int = 2) -> str:
    """What was known after each of the checks: `+` healthy, `-` not, `?` nothing."""
    gauge, found = Gauge(), ""
    for check in checks:
        gauge = counted(gauge, check == "+", failures, successes)
        found += {True: "+", False: "-", None: "?"}[gauge.healthy]
    return found


@pytest.mark.parametrize(
    ("checks", "known"),
    [
        ("+", "+"),  # the first good one is enough
        ("--+", "??+"),
        ("---", "??-"),
        ("+--+--+---", "+++++++++-"),  # only a row counts
        ("---+-++-", "??----++"),
        ("+---++---", "+++--++++"[:4] + "-+" + "++-"),
    ],
)
def test_a_row(checks: str, known: str) -> None:
    assert after(checks) == known


@given(st.text("+-", max_size=60), st.integers(1, 5), st.integers(1, 5))
def test_it_turns_only_after_a_whole_row(checks: str, failures: int, successes: int) -> None:
    known = after(checks, failures, successes)
    for n in range(1, len(checks)):
        if known[n] != known[n - 1]:
            row = failures if known[n] == "-" else successes if known[n - 1] == "-" else 1
            assert checks[n + 1 - row : n + 1] == known[n] * row
    for n in range(len(checks)):
        if n + 1 >= failures and "+" not in checks[n + 1 - failures : n + 1]:
            assert known[n] == "-"


def test_silence_begins_when_it_was_last_heard() -> None:
    silence = Silence("a", 100.0)
    assert listened(silence, "a", 103.0) == silence
    assert not too_long(silence, 4.0, 103.9)
    assert too_long(silence, 4.0, 104.0)
    assert listened(silence, "b", 104.0) == Silence("b", 104.0)


def test_looks_come_often_enough_and_just_when_it_is_over() -> None:
    silence = Silence("a", 100.0)
    assert next_look(silence, 4.0, 10.0, 100.0) == 101.0
    assert next_look(silence, 4.0, 0.5, 100.0) == 100.5
    assert next_look(silence, 4.0, 10.0, 103.5) == 104.0
    assert next_look(silence, 4.0, 10.0, 104.0) == 105.0
    assert next_look(silence, 0.01, 10.0, 100.02) == pytest.approx(100.07)


@given(st.floats(0.2, 100), st.floats(0.05, 100), st.floats(0, 3))
def test_silence_is_noticed_at_most_a_quarter_late(
    allowed: float, every: float, said: float
) -> None:
    """The worker says something once, `said` times the allowed silence after the first look."""
    now, silence, last = 0.0, Silence(0, 0.0), said * allowed
    while True:
        mark = int(now >= last)
        silence = listened(silence, mark, now)
        if too_long(silence, allowed, now):
            break
        now = next_look(silence, allowed, every, now)
    spoke = last if now >= last else 0.0
    assert now - spoke >= allowed - 1e-6
    assert now - spoke <= allowed * 1.25 + 0.06


def test_tries_are_counted_from_their_beginnings() -> None:
    assert next_try(100.0, 100.2, 10.0) == 110.0
    assert next_try(100.0, 115.0, 10.0) == 115.0


def test_the_first_tries_of_a_start_come_sooner() -> None:
    times = [next_early_try(0.0, 0.0, 1.0, tries) for tries in range(1, 7)]
    assert times == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.0, 1.0])
    assert next_early_try(0.0, 0.0, 0.05, 1) == 0.05
    assert next_early_try(0.0, 5.0, 1.0, 10_000) == 5.0
