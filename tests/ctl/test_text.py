"""Characters, spans of time, columns."""

from __future__ import annotations

import pytest

from tmaxd.ctl.text import clean, colour, columns_of, cut, many, span, table


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
    assert (many(1, "task"), many(0, "task"), many(1200, "task")) == (
        "1 task",
        "0 tasks",
        "1,200 tasks",
    )


def test_table_aligns_cuts_and_cleans() -> None:
    rows = [["a", "1", "a note that is long"], ["漢\n", "1,000", "x"]]
    assert table(["NAME", "N", "NOTE"], rows, right=[1], width=24) == [
        "NAME      N  NOTE",
        "a         1  a note tha…",
        "漢\\n  1,000  x",
    ]


def test_table_paints_the_text_and_not_the_gap() -> None:
    assert table(["S", "N"], [[("red", "dead"), "x"]], paint=colour)[1] == "\x1b[31mdead\x1b[0m  x"
