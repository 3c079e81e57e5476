"""Worker output on its way to a terminal."""

from __future__ import annotations

import pytest

from tmaxd.ctl.terminal import HELD, Filter

CASES = [
    ("plain\ttext\n", "plain\ttext\n"),
    ("\x1b[1;31mred\x1b[0m", "\x1b[1;31mred\x1b[0m"),
    ("\x1b[38:2::1:2:3mrgb", "\x1b[38:2::1:2:3mrgb"),
    ("\x1b[2J\x1b[10;1Hgone", "gone"),
    ("\x1b[?1049hfull", "full"),
    ("\x1b[>4;2mkeys", "keys"),
    ("\x1b]0;title\x07a\x1b]8;;http://x\x1b\\b", "ab"),
    ("\x1bP1$r0m\x1b\\dcs", "dcs"),
    ("\x1b(B\x1b7\x1b=x", "x"),
    ("a\rb\x08c\x00d\x9be", "abcde"),
    ("ünï 漢", "ünï 漢"),
]


@pytest.mark.parametrize(("text", "safe"), CASES)
def test_whole_and_cut_anywhere(text: str, safe: str) -> None:
    assert Filter(colours=True).feed(text) == safe
    for at in range(len(text) + 1):
        pieces = Filter(colours=True)
        assert pieces.feed(text[:at]) + pieces.feed(text[at:]) == safe, at
    single = Filter(colours=True)
    assert "".join(single.feed(c) for c in text) == safe


def test_without_colours() -> None:
    assert Filter(colours=False).feed("\x1b[31mred\x1b[0m") == "red"


def test_a_sequence_without_end_is_not_waited_for_for_ever() -> None:
    pieces = Filter(colours=True)
    shown = pieces.feed("\x1b]0;" + "x" * HELD) + pieces.feed("after")
    assert shown.endswith("after")
    assert "\x1b" not in shown
