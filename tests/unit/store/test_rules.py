"""What operations do to what is there."""

from __future__ import annotations

import pytest

from tmaxd.store.entries import Delete, Entry, Head, Incr, Operation, Outcome, Place, Put, Total
from tmaxd.store.limits import MAX_NAMESPACES, Bounds, Limits
from tmaxd.store.rules import Draft

NOW = 1000.0
LIMITS = Limits(max_value=100, named={"short": Bounds(ttl=60.0)}, others=Bounds(max_size=80))


def put(key: str, data: bytes = b"1", **more: object) -> Put:
    return Put("a", key, "json", data, **more)  # type: ignore[arg-type]


def draft(there: dict[Place, Head] | None = None, seq: int = 7) -> Draft:
    there = there or {}
    totals: dict[str, Total] = {}
    for (ns, _), head in there.items():
        total = totals.get(ns, Total())
        totals[ns] = Total(total.keys + 1, total.bytes + head.size)
    return Draft(seq, there, totals)


def one(operation: Operation, there: dict[Place, Head] | None = None) -> Outcome:
    return draft(there).apply([operation], NOW, LIMITS)[0]


def head(version: int = 3, *, expires: float | None = None, number: bytes | None = None) -> Head:
    return Head(version, 10, expires, number)


def test_a_put_gets_the_next_number_and_replaces_what_was_there() -> None:
    d = draft({("a", "k"): head()})
    assert d.apply([put("k", b'"new"')], NOW, LIMITS) == [Outcome("stored", 8)]
    assert d.gone == [3]
    assert d.rows == {("a", "k"): Entry("a", "k", 8, "json", b'"new"', NOW, None)}
    assert d.totals == {"a": Total(1, 6)}
    assert [(c.seq, c.key, c.what) for c in d.changes] == [(8, "k", "put")]


@pytest.mark.parametrize(
    ("if_version", "there", "verdict"),
    [
        (0, {}, "stored"),
        (0, {("a", "k"): head()}, "conflict"),
        (0, {("a", "k"): head(expires=NOW)}, "stored"),
        (3, {("a", "k"): head()}, "stored"),
        (2, {("a", "k"): head()}, "conflict"),
        (3, {}, "conflict"),
        (3, {("a", "k"): head(expires=NOW)}, "conflict"),
    ],
)
def test_compare_and_set(if_version: int, there: dict[Place, Head], verdict: str) -> None:
    found = one(put("k", if_version=if_version), there)
    assert found.verdict == verdict
    living = there.get(("a", "k"))
    if verdict == "conflict":
        assert found.version == (3 if living and living.expires is None else 0)


def test_later_operations_see_earlier_ones_of_the_same_commit() -> None:
    d = draft()
    found = d.apply(
        [
            put("k", if_version=0),
            put("k", if_version=0),
            Delete("a", "k"),
            Delete("a", "k"),
            Incr("a", "k", 5),
            Incr("a", "k", -7),
        ],
        NOW,
        LIMITS,
    )
    assert [o.verdict for o in found] == [
        "stored",
        "conflict",
        "deleted",
        "absent",
        "stored",
        "stored",
    ]
    assert [o.number for o in found][-2:] == [5, -2]
    assert d.rows[("a", "k")].data == b"-2"
    assert d.gone == []
    assert [c.seq for c in d.changes] == [8, 9, 10, 11]


@pytest.mark.parametrize(
    ("ns", "ttl", "expires"),
    [("a", None, None), ("a", 5.0, NOW + 5), ("short", None, NOW + 60), ("short", 5.0, NOW + 5)],
)
def test_how_long_an_entry_lives(ns: str, ttl: float | None, expires: float | None) -> None:
    assert one(Put(ns, "k", "json", b"1", ttl)).expires == expires
    assert one(Incr(ns, "k", 1, ttl)).expires == expires


def test_a_counter_that_is_there_keeps_its_time() -> None:
    there = {("a", "k"): head(expires=NOW + 9, number=b"41")}
    found = one(Incr("a", "k", 1, ttl=500.0), there)
    assert (found.number, found.expires) == (42, NOW + 9)


@pytest.mark.parametrize(
    ("number", "by", "verdict"),
    [
        (b"9223372036854775806", 1, "stored"),
        (b"9223372036854775807", 1, "out_of_range"),
        (b"-9223372036854775808", -1, "out_of_range"),
        (b"-9223372036854775808", 1, "stored"),
        (b"9223372036854775808", -1, "not_a_number"),
        (b"1.5", 1, "not_a_number"),
        (b'"1"', 1, "not_a_number"),
        (None, 1, "not_a_number"),
    ],
)
def test_what_can_be_counted(number: bytes | None, by: int, verdict: str) -> None:
    assert one(Incr("a", "k", by), {("a", "k"): head(number=number)}).verdict == verdict


def test_an_expired_counter_begins_anew() -> None:
    assert one(Incr("a", "k"), {("a", "k"): head(expires=NOW - 1, number=b"41")}).number == 1


def test_what_is_larger_than_a_value_or_its_namespace_may_be_is_not_stored() -> None:
    assert one(put("k", b"1" * 79)).verdict == "stored"
    found = one(put("k", b"1" * 80))
    assert (found.verdict, found.limit) == ("too_large", 79)
    found = one(Put("short", "k", "bytes", b"x" * 101))
    assert (found.verdict, found.limit) == ("too_large", 100)


def test_a_namespace_too_many_is_refused_and_one_that_is_there_is_not() -> None:
    there = {(f"n{i}", "k"): head(i) for i in range(MAX_NAMESPACES)}
    assert one(put("k"), there).verdict == "too_many_namespaces"
    assert one(Put("n5", "k2", "json", b"1"), there).verdict == "stored"


def test_an_empty_namespace_is_none() -> None:
    d = draft({("a", "k"): head()})
    d.apply([Delete("a", "k")], NOW, LIMITS)
    assert d.totals == {}
    assert d.touched == {"a"}
