"""Control mode's output, read in any pieces."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.world.tmux import stream
from tmaxd.world.tmux.stream import Block, Garbled, Notice, Stream

TALK = (
    b"%begin 1795438547 260 0\n%end 1795438547 260 0\n"
    b"%window-add @0\n%sessions-changed\n%session-changed $0 tmaxd\n"
    b"%begin 1795438547 266 1\n6902 1795438547\n%end 1795438547 266 1\n"
    b"%begin 1795438547 267 1\n\n%end 1 2 3\n%begin 9 9 1\n%error 1795438547 266 1\n"
    b"%end 1795438547 267 0\n%end 1795438547 267 1\n"
    b"%begin 1795438548 300 1\ncan't find session: $77\n%error 1795438548 300 1\n"
    b"%exit\n"
)
SAID: list[Block | Notice] = [
    Block(ok=True, ours=False, lines=()),
    Notice("window-add", b"@0"),
    Notice("sessions-changed", b""),
    Notice("session-changed", b"$0 tmaxd"),
    Block(ok=True, ours=True, lines=(b"6902 1795438547",)),
    Block(
        ok=True,
        ours=True,
        lines=(
            b"",
            b"%end 1 2 3",
            b"%begin 9 9 1",
            b"%error 1795438547 266 1",
            b"%end 1795438547 267 0",
        ),
    ),
    Block(ok=False, ours=True, lines=(b"can't find session: $77",)),
    Notice("exit", b""),
]


@given(st.lists(st.integers(0, len(TALK))))
def test_chunking_changes_nothing(cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(TALK)]
    reader = Stream()
    events = [e for a, b in itertools.pairwise(edges) for e in reader.feed(TALK[a:b])]
    assert events == SAID


def test_a_block_that_has_not_ended_says_nothing() -> None:
    assert Stream().feed(b"%begin 1 2 1\nsome\n%end 1 2") == []


@pytest.mark.parametrize(
    "line", [b"hello", b"", b"%end 1 2 1", b"%error 1 2 1", b"%begin 1 2", b"%begin x y 1"]
)
def test_a_line_that_belongs_nowhere_is_not_passed_over(line: bytes) -> None:
    with pytest.raises(Garbled, match="belongs to no answer"):
        Stream().feed(line + b"\n")


@given(st.binary())
def test_any_garbage_gives_events_or_our_error(data: bytes) -> None:
    try:
        events = Stream().feed(data)
    except Garbled:
        return
    assert all(isinstance(event, Block | Notice) for event in events)


def test_an_answer_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BODY_LIMIT", 1000)
    reader = Stream()
    reader.feed(b"%begin 1 2 1\n" + b"x" * 600 + b"\n" + b"x" * 399)
    with pytest.raises(Garbled, match="more than 1000 bytes"):
        reader.feed(b"xx")
