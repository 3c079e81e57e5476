"""Terminal output as lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.daemon.screen import LINE, TAIL, Lines, plain


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"one\r\ntwo\r\n\r\nthree", ["one", "two", "three"]),
        (b"\x1b[1;32mready\x1b[0m to \x1b[4mserve\x1b[m\n", ["ready to serve"]),
        (b"\x1b]0;a title\x07$ ", ["$ "]),
        (b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\\n", ["link"]),
        (b"\x1bP1$r0m\x1b\\\x1b(B\x1b=text\x1b>\n", ["text"]),
        (b"10%\r50%\r100%\r\n", ["10%", "50%", "100%"]),
        (b"\x1b[2J\x1b[Hmenu\x1b[5;10Hready\x1b[3Cnow", ["menu", "ready now"]),
        (b"tab\there\x07\x00\n", ["tab here"]),
        ("grün → fertig\n".encode(), ["grün → fertig"]),
        (b"not \xff utf-8\n", ["not � utf-8"]),
        (b"cut off \x1b[3", ["cut off "]),
        (b"cut off \x1b]0;half a title", ["cut off "]),
        (b"", []),
    ],
)
def test_what_stands_there(data: bytes, lines: list[str]) -> None:
    assert plain(data) == lines


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=6))
def test_pieces_make_no_difference(data: bytes, cuts: list[int]) -> None:
    """As long as no sequence goes over a line's end."""
    data = data.replace(b"\x1b", b"").replace(b"\x9c", b"")
    lines, found, begin = Lines(), [], 0
    for cut in [*sorted(cuts), len(data)]:
        found += lines.feed(data[begin:cut])
        begin = max(begin, cut)
    assert found + lines.unfinished == plain(data)


def test_an_unfinished_line_waits_for_its_end() -> None:
    lines = Lines()
    assert lines.feed(b"server \x1b[3") == []
    assert lines.unfinished == ["server "]
    assert lines.feed(b"2mre") == []
    assert lines.unfinished == ["server re"]
    assert lines.feed(b"ady\x1b[0m\n$ ") == ["server ready"]
    assert lines.unfinished == ["$ "]


def test_a_line_without_end_is_bounded() -> None:
    lines = Lines()
    for _ in range(100):
        lines.feed(b"x" * 10_000)
    assert len(lines.unfinished[0]) == LINE
    assert len(lines._open) == TAIL
    assert [len(line) for line in lines.feed(b"\n")] == [LINE]
