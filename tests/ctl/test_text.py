"""Characters, spans of time, columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.ctl.text import amount, clean, columns_of, cut, cut_left, fitted, many, span, wrap


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0ms"),
        (0, "0ms"),
        (0.0004, "0ms"),
        (0.35, "350ms"),
        (0.9996, "1.0s"),
        (4.24, "4.2s"),
        (9.96, "10s"),
        (59.4, "59s"),
        (59.6, "1m00s"),
        (123, "2m03s"),
        (11520, "3h12m"),
        (86399.9, "1d00h"),
        (446400, "5d04h"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("plain ünïcode 漢字", "plain ünïcode 漢字"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x1b[31mred\x1b[0m", "\\e[31mred\\e[0m"),
        ("\x00\x07\x7f\x9b", "\\x00\\x07\\x7f\\x9b"),
        ("evil\u202etxt.exe", "evil\\u202etxt.exe"),
        ("half \ud800", "half \\ud800"),
    ],
)
def test_clean(text: str, safe: str) -> None:
    assert clean(text) == safe


def test_cut_counts_columns() -> None:
    assert cut("short", 5) == "short"
    assert cut("longer", 5) == "long…"
    assert cut("漢字漢字", 5) == "漢字…"
    assert columns_of("e\u0301") == 1
    assert cut("x", 0) == ""


def test_many() -> None:
    assert (many(1, "task"), many(0, "task"), many(1200, "task"), many(2, "inbox")) == (
        "1 task",
        "0 tasks",
        "1,200 tasks",
        "2 inboxes",
    )


def test_cut_left_keeps_the_end() -> None:
    assert cut_left("/run/x.pipe", 20) == "/run/x.pipe"
    assert cut_left("/run/demo/pipes/x.pipe", 9) == "…s/x.pipe"


def test_wrap_breaks_between_words() -> None:
    text = "the disk is full and nothing can be written"
    assert wrap(text, None) == [text]
    assert wrap(text, 100) == [text]
    assert wrap(text, 20) == ["the disk is full and", "  nothing can be", "  written"]
    assert wrap("a /very/long/path/that/has/no/blank b", 12) == [
        "a",
        "  /very/long",
        "  /path/that",
        "  /has/no/bl",
        "  ank b",
    ]


def test_wrap_keeps_blanks_within_a_line() -> None:
    assert wrap("  if  x:  return", 12) == ["  if  x:", "  return"]
    assert fitted("one\n    two three\x1b", 13) == ["one", "    two", "      three\\e"]


@given(st.text(st.sampled_from("ab 漢"), max_size=60), st.integers(4, 30))
def test_wrap_loses_nothing_and_is_never_too_wide(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert all(columns_of(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 B"),
        (999, "999 B"),
        (1000, "0.98 KiB"),
        (41 * 1024 * 1024 + 210_000, "41.2 MiB"),
        (512 << 20, "512 MiB"),
        (1_300_000_000, "1.21 GiB"),
        (5000 << 30, "5,000 GiB"),
    ],
)
def test_amount(size: int, text: str) -> None:
    assert amount(size) == text
