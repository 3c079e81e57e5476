"""Ids and ranges of ids, as they are written and as they are sent."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tmaxd.ctl.ids import Range, joined, parts, read, total, written
from tmaxd.ctl.receipt import Receipt, Taken

RANGES = st.lists(st.tuples(st.integers(1, 60), st.integers(1, 9)), max_size=8)


def ids_of(ranges: list[Range]) -> list[int]:
    return [id for first, count in ranges for id in range(first, first + count)]


def test_a_range_holds_both_its_ends() -> None:
    assert (read("17"), read("5..9"), read("7..7")) == ((17, 1), (5, 5), (7, 1))
    assert (written(17, 1), written(5, 5)) == ("17", "5..9")


@given(RANGES)
def test_joined_has_each_id_once_and_in_order(ranges: list[Range]) -> None:
    found = joined(ranges)
    assert ids_of(found) == sorted(set(ids_of(ranges)))
    assert all(sum(one) < following[0] for one, following in pairwise(found))


@given(RANGES, st.integers(1, 12))
def test_parts_keep_the_order_and_are_filled(ranges: list[Range], most: int) -> None:
    found = list(parts(ranges, most))
    assert [id for part in found for id in ids_of(part)] == ids_of(ranges)
    assert all(total(part) == most for part in found[:-1])
    assert all(0 < total(part) <= most for part in found)


def test_a_receipt_joins_neighbours_and_keeps_known_tasks_apart() -> None:
    receipt = Receipt()
    for taken in (Taken(1, 2), Taken(3, 4), Taken(2, 1, existing=True, state="dead"), Taken(9, 1)):
        receipt.add(taken)
    assert receipt.as_json() == {
        "accepted": 7,
        "ranges": [(1, 6), (9, 1)],
        "existing": [2],
        "existing_states": ["dead"],
    }
    assert receipt.all == [(1, 6), (9, 1), (2, 1)]
