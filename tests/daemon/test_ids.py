"""Many ids as ranges: they are what a sorted set of them would be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.daemon.api.ids import Ids

NUMBERS = st.integers(-3, 30)
RANGES = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 8)), max_size=5)


@given(st.lists(NUMBERS, max_size=20), RANGES, st.slices(40))
def test_they_are_a_sorted_set(ids: list[int], ranges: list[tuple[int, int]], part: slice) -> None:
    model = sorted({*ids, *(one for first, n in ranges for one in range(first, first + n))})
    found = Ids(ids, ranges)
    assert list(found) == model
    assert len(found) == len(model)
    assert [found[place] for place in range(len(model))] == model
    assert found[part] == model[part]
    assert [found.place(one) for one in model] == list(range(len(model)))
    assert all(found.place(one) is None for one in range(-5, 45) if one not in model)
    assert found.in_a_row == (len(model) < 2 or model[-1] - model[0] == len(model) - 1)
    if model:
        assert (found[-1], found[-len(model)]) == (model[-1], model[0])


def test_there_is_none_beyond_the_last() -> None:
    for place in (3, -4):
        with pytest.raises(IndexError):
            Ids(ranges=[(5, 3)])[place]
