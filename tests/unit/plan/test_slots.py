"""Which slots a group fills: `choose`, and what counts as present."""

from __future__ import annotations

import itertools

import pytest

from tmaxd.plan.draft import split
from tmaxd.plan.slots import Present, choose


def present(*numbers: int, **flags: set[int]) -> list[Present]:
    return [
        Present(n, *(n in flags.get(flag, set()) for flag in ("busy", "held", "leaving")))
        for n in numbers
    ]


@pytest.mark.parametrize(
    ("count", "there", "filled"),
    [
        (0, present(), set()),
        (3, present(), {1, 2, 3}),
        (2, present(1, 2), {1, 2}),
        (2, present(7, 9), {7, 9}),
        (4, present(2, 5), {1, 2, 3, 5}),
        (3, present(4), {1, 2, 4}),
        (0, present(1, 2, busy={1, 2}), set()),
        (2, present(1, 2, 3, 4), {1, 2}),
        (2, present(1, 2, 3, 4, busy={4}), {1, 4}),
        (2, present(1, 2, 3, 4, busy={3, 4}), {3, 4}),
        (2, present(1, 2, 3, busy={1, 2, 3}), {1, 2}),
        (2, present(1, 2, 3, busy={1, 2, 3}, held={1}), {2, 3}),
        (2, present(1, 2, 3, held={1}), {2, 3}),
        (2, present(1, 2, 3, busy={2, 3}, held={3}), {2, 3}),
        (2, present(1, 2, 3, leaving={1}), {2, 3}),
        (1, present(1, 2, 3, leaving={1, 2}), {3}),
        (2, present(1, 2, leaving={2}), {1, 2}),
        (2, present(1, 3, leaving={3}), {1, 2}),
    ],
)
def test_choose(count: int, there: list[Present], filled: set[int]) -> None:
    for order in itertools.permutations(there):
        assert choose(count, order) == filled


def test_a_count_met_or_lowered_never_adds_a_number() -> None:
    there = present(1, 2, 3, 4, 5, busy={2, 4}, held={4})
    for count in range(6):
        filled = choose(count, there)
        assert len(filled) == count
        assert filled <= {1, 2, 3, 4, 5}


def test_counting_down_one_at_a_time_gives_what_one_step_gives() -> None:
    there = present(1, 2, 3, 4, 5, 6, busy={2, 4}, held={5})
    left = there
    for count in range(6, -1, -1):
        kept = choose(count, left)
        left = [p for p in left if p.number in kept]
        assert kept == choose(count, there)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("check-1", ("check", 1)),
        ("check-pool-12", ("check-pool", 12)),
        ("tasks", ("tasks", 0)),
        ("check-", ("check-", 0)),
        ("-1", ("-1", 0)),
        ("", ("", 0)),
        ("check-0", ("check-0", 0)),
        ("check-007", ("check-007", 0)),
        ("check-²", ("check-²", 0)),
        ("check-٣", ("check-٣", 0)),
        ("check--1", ("check-", 1)),
    ],
)
def test_split(name: str, parts: tuple[str, int]) -> None:
    assert split(name) == parts
