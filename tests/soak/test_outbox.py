"""The reader of the outbox and its judge."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.soak.outbox import Reader, counted, published
from tests.soak.row import Row

ROWS = [
    Row(id=n, group="sync", state="done", attempt=1, payload=f"{n} ok", ended=0) for n in (1, 2, 3)
] + [Row(id=4, group="pull", state="done", attempt=1, payload="4 ok", ended=0)]
LOST = b'{"lost": 1}'


def line(task: int, **more: object) -> bytes:
    fields = {"id": task, "group": "sync", "state": "done", "attempt": 1}
    return json.dumps({**fields, "result": f"{task} done at 1", **more}).encode()


def test_counts_what_was_told_and_what_was_not() -> None:
    assert counted([line(1), LOST, line(3), b'{"lost": 5}']) == (2, 6)


def test_finds_nothing_where_all_is_well() -> None:
    assert list(published([line(1), LOST, line(3)], b"", ROWS, ["sync"])) == []


@pytest.mark.parametrize(
    ("lines", "torn", "words"),
    [
        ([line(1)[:30], line(2)], b"", "the outbox has a torn line"),
        ([line(1)], b'{"id', "the outbox ends with a part of a line"),
        ([line(1), line(1)], b"", "task 1: 2 lines in the outbox"),
        ([line(9)], b"", "task 9: in the outbox, but not in the books of its groups"),
        ([line(4)], b"", "task 4: in the outbox, but not in the books of its groups"),
        ([line(1, attempt=2)], b"", "task 1: the outbox said ('sync', 'done', 2)"),
        ([line(1, result="2 done at 1")], b"", "task 1: the outbox has the result"),
        ([line(1), line(2), LOST, LOST], b"", "the outbox told of 2 ends and 2 lost ones"),
    ],
)
def test_finds_what_is_wrong(lines: list[bytes], torn: bytes, words: str) -> None:
    sentences = list(published(lines, torn, ROWS, ["sync"]))
    assert any(sentence.startswith(words) for sentence in sentences), sentences


def wait_for(look: Callable[[], object], within: float = 10.0) -> None:
    end = time.monotonic() + within
    while not look():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_a_reader_goes_on_with_the_fifo_that_takes_the_place_of_another(tmp_path: Path) -> None:
    path = tmp_path / "out"
    os.mkfifo(path)
    reader = Reader(path, 1)
    reader.hasty.set()
    first = second = -1
    try:
        first = os.open(path, os.O_RDWR)
        os.write(first, b"one\ntw")
        wait_for(lambda: reader.lines == [b"one"])
        os.write(first, b"o\n")
        wait_for(lambda: reader.lines == [b"one", b"two"])
        os.mkfifo(tmp_path / "new")
        second = os.open(tmp_path / "new", os.O_RDWR)
        os.rename(tmp_path / "new", path)
        os.write(second, b"three\n")
        wait_for(lambda: reader.lines[2:] == [b"three"])
        reader.empty.clear()
        wait_for(reader.empty.is_set)
        reader.stalled.set()
    finally:
        reader.close()
        for fd in (first, second):
            if fd >= 0:
                os.close(fd)
    assert reader.torn == b""
