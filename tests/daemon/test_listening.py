"""Readiness by a line of output."""

from __future__ import annotations

import pytest

from tmaxd.daemon.listening import PIECE, Listening
from tmaxd.ports import Unknown
from tmaxd.testing.outputs import FakeOutputs


def test_a_line_of_this_run() -> None:
    outputs = FakeOutputs()
    outputs.write("w-1", b"ready\n")
    ears = Listening(outputs, "w-1", outputs.end("w-1"), "^ready")
    assert not ears.heard(), "that was the run before"
    outputs.write("w-1", b"not ready\nstill not")
    assert not ears.heard()
    assert ears.last == "not ready"
    outputs.write("w-1", b"\nready, at last\n")
    assert ears.heard()


def test_a_prompt_counts_once_nothing_follows_it() -> None:
    outputs = FakeOutputs()
    ears = Listening(outputs, "w-1", outputs.end("w-1"), r"\$ $")
    outputs.write("w-1", b"\x1b[32mme@here\x1b[0m:~$ ")
    assert not ears.heard()
    outputs.write("w-1", b"is what a prompt looks like\nbash-5$ ")
    assert not ears.heard()
    assert ears.heard(), "nothing has followed"
    assert not ears.heard(), "nor is it looked at again"


def test_much_output_is_taken_in_piece_by_piece() -> None:
    outputs = FakeOutputs()
    ears = Listening(outputs, "w-1", outputs.end("w-1"), "^ready$")
    outputs.write("w-1", b"x" * (PIECE - 3) + b"\nready\n")
    assert not ears.heard()
    assert ears.more
    assert ears.heard()
    assert not ears.more


def test_nothing_is_missed_when_the_log_is_rotated_or_unreadable() -> None:
    outputs = FakeOutputs()
    outputs.write("w-1", b"old\n")
    ears = Listening(outputs, "w-1", outputs.end("w-1"), "^ready$")
    outputs.write("w-1", b"rea")
    outputs.rotate("w-1")
    outputs.write("w-1", b"dy\n")
    outputs.broken.add("w-1")
    with pytest.raises(Unknown):
        ears.heard()
    outputs.broken.clear()
    assert [ears.heard(), ears.heard()] == [False, True]
