"""Names, values, limits, and the store's own time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.spec import values as spec_values
from tmaxd.store import names
from tmaxd.store.entries import Entry, Total
from tmaxd.store.limits import Bounds
from tmaxd.store.moments import StoreTime
from tmaxd.store.values import BadValue, Needle, canonical, number_of, text_value


@pytest.mark.parametrize("ns", ["a", "notes", "team/plans", "a-b/c-2", "a" * 100])
def test_good_namespaces(ns: str) -> None:
    assert names.namespace_problem(ns) is None


@pytest.mark.parametrize("ns", ["", "A", "a/", "/a", "a//b", "a_b", "1a", "a\n", "*", "a" * 101])
def test_bad_namespaces(ns: str) -> None:
    assert names.namespace_problem(ns)


def test_namespaces_are_those_of_the_spec() -> None:
    assert names.MAX_NAMESPACE == spec_values.MAX_NAMESPACE
    assert names.NAMESPACE.pattern.replace("?:", "") in spec_values.NAMESPACE.replace("?:", "")


@pytest.mark.parametrize("key", ["a", "a/b c", "ü" * 256, "*"])
def test_good_keys(key: str) -> None:
    assert names.key_problem(key) is None


@pytest.mark.parametrize("key", ["", "a\n", "\x00", "a\x7f", "\x9f", "ü" * 257, "\ud800"])
def test_bad_keys(key: str) -> None:
    assert names.key_problem(key)


@given(st.text(max_size=4), st.text(max_size=3))
def test_the_end_of_a_prefix_parts_those_that_have_it_from_those_behind(
    prefix: str, rest: str
) -> None:
    end = names.end_of(prefix)
    if end is None:
        assert set(prefix) <= {chr(0x10FFFF)}
        return
    assert prefix + rest < end
    assert not end.startswith(prefix)
    assert not 0xD800 <= ord(end[-1]) < 0xE000


def test_json_is_kept_in_one_form() -> None:
    assert canonical(b' {"a" : "\\u00e9\\n", "b":[1, 2.0]} ') == '{"a":"é\\n","b":[1,2.0]}'.encode()
    assert text_value("é") == '"é"'.encode()


@pytest.mark.parametrize("text", [b"", b"{", b"nan", b"1 2", b'"\\ud800"', b'"\xff"', b"1e999"])
def test_what_is_no_json(text: bytes) -> None:
    with pytest.raises(BadValue):
        canonical(text)


def test_deep_json_is_refused_or_kept_and_never_more() -> None:
    with pytest.raises(BadValue):
        canonical(b"[" * 100_000 + b"]" * 100_000)


def test_numbers() -> None:
    assert number_of(b"-12") == -12
    assert [number_of(t) for t in (None, b"", b"-", b"01", b"1.0", b"9" * 19)] == [None] * 6


def entry(key: str, data: bytes, kind: str = "json") -> Entry:
    return Entry("a", key, 1, kind, data, 0.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("needle", "key", "data", "found"),
    [
        ("EY", "key", b"1", True),
        ("straße", "k", b'"STRASSE"', True),
        ("deep", "k", b'{"a":[{"b":"Deep down"}]}', True),
        ("name", "k", b'{"Name":1}', True),
        ('a"b', "k", b'"a\\"b"', True),
        ("a\nb", "k", b'"a\\nb"', True),
        ("12", "k", b"123", False),
        ('","', "k", b'["a","b"]', False),
    ],
)
def test_search(needle: str, key: str, data: bytes, found: bool) -> None:
    assert Needle(needle).found_in(entry(key, data)) is found


def test_bytes_are_not_searched() -> None:
    assert not Needle("abc").found_in(entry("k", b"abc", "bytes"))


def test_the_stores_time_never_goes_back() -> None:
    time = StoreTime()
    assert time.at(1000.0, 5.0) == 1000.0
    assert time.at(400.0, 6.0) == 1001.0  # set back: it goes on by itself
    assert time.at(5000.0, 7.0) == 5000.0  # set forward: that much has passed
    assert time.at(5001.0, 8.0) == 5001.0
    after = StoreTime()
    after.at_least(5001.0, 100.0)
    assert after.at(400.0, 100.0) == 5001.0


def test_bounds() -> None:
    bounds = Bounds(max_keys=10, max_size=100)
    assert not bounds.over(Total(10, 100))
    assert bounds.over(Total(11, 1))
    assert bounds.over(Total(1, 101))
    assert bounds.tight(Total(9, 1))
    assert not bounds.tight(Total(8, 89))
