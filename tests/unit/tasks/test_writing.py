"""Frames for workers: single ones, many in a line, and what of them is left unread."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.tasks.frames import LINE_LIMIT, Form, unescape
from tmaxd.tasks.writing import (
    TaskWriter,
    cancel_frame,
    pause_frame,
    payload_path,
    ping_frame,
    unread_tasks,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@given(st.integers(1, 2**53), st.integers(1, 100), TEXT, st.none() | st.sampled_from([30.0, 0.5]))
def test_a_json_task_frame(task: int, attempt: int, payload: str, timeout: float | None) -> None:
    line = TaskWriter("json", timeout).inline(task, attempt, payload)
    assert line is not None
    assert line.count(b"\n") == 1
    expected = {"t": "task", "id": task, "attempt": attempt, "payload": payload}
    assert json.loads(line) == expected | ({} if timeout is None else {"timeout": timeout})
    assert unread_tasks(line, "json") == {(task, attempt)}


@given(st.integers(1, 2**53), st.integers(1, 100), TEXT)
def test_a_tsv_task_frame(task: int, attempt: int, payload: str) -> None:
    line = TaskWriter("tsv", 30.0).inline(task, attempt, payload)
    assert line is not None
    kind, *numbers, field = line.decode()[:-1].split("\t")
    assert (kind, numbers, unescape(field)) == ("task", [str(task), str(attempt), "30"], payload)
    assert unread_tasks(line, "tsv") == {(task, attempt)}


def test_timeouts_in_tsv() -> None:
    assert TaskWriter("tsv", None).inline(1, 1, "p") == b"task\t1\t1\t-\tp\n"
    assert TaskWriter("tsv", 0.5).inline(1, 1, "p") == b"task\t1\t1\t0.500\tp\n"
    assert TaskWriter("tsv", 3e6).inline(1, 1, "p") == b"task\t1\t1\t3000000\tp\n"


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_a_frame_has_at_most_the_limit_or_goes_by_file(form: Form) -> None:
    writer = TaskWriter(form, 30.0)
    room = LINE_LIMIT - len(writer.inline(1, 1, "") or b"")
    line = writer.inline(1, 1, "p" * room)
    assert line is not None
    assert len(line) == LINE_LIMIT
    assert writer.inline(1, 1, "p" * (room + 1)) is None
    assert writer.inline(1, 1, "ü" * (room // 2 + 1)) is None


def test_frames_by_file() -> None:
    path = payload_path("/spool", 7)
    assert json.loads(TaskWriter("json", None).by_file(7, 2, path)) == {
        "t": "task", "id": 7, "attempt": 2, "payload_file": "/spool/7.payload",
    }  # fmt: skip
    line = TaskWriter("tsv", None).by_file(7, 2, "/a\tb")
    assert line == b"task_file\t7\t2\t-\t/a\\tb\n"
    assert unread_tasks(line, None) == {(7, 2)}


def test_ping_frames() -> None:
    assert ping_frame("json") == b'{"t":"ping"}\n'
    assert ping_frame("json", 7) == b'{"t":"ping","number":7}\n'
    assert ping_frame("tsv") == b"ping\n"
    assert ping_frame("tsv", 7) == b"ping\t7\n"
    assert ping_frame(None, 7) == b'ping\t7\n{"t":"ping","number":7}\n'


def test_pause_frames() -> None:
    assert pause_frame("json", True) == b'{"t":"pause"}\n'
    assert pause_frame("json", False) == b'{"t":"resume"}\n'
    assert pause_frame("tsv", True) == b"pause\n"
    assert pause_frame("tsv", False) == b"resume\n"


def test_cancel_frames() -> None:
    assert json.loads(cancel_frame("json", 7, 2)) == {"t": "cancel", "id": 7, "attempt": 2}
    assert cancel_frame("tsv", 7, 2) == b"cancel\t7\t2\n"


# ----------------------------------------------------------------------------------------- many

TASKS = st.lists(
    st.none() | TEXT | st.sampled_from(["x" * 500, "x" * 2000, "x" * 5000, ",null]", "\x01" * 800]),
    min_size=1,
    max_size=40,
)


@given(TASKS, st.none() | st.just(30.0), st.integers(1, 2**40))
def test_many_in_a_line(payloads: list[str | None], timeout: float | None, first: int) -> None:
    """In their order, each line as full as may be, and alone only what must."""
    tasks = [(first + n, 1 + n % 3, payload) for n, payload in enumerate(payloads)]
    pieces = TaskWriter("json", timeout).batch(tasks)
    found: list[tuple[int, int, str | None]] = []
    lines: list[tuple[int, list[list[object]]]] = []
    for piece in pieces:
        if isinstance(piece, int):
            payload = tasks[piece][2]
            assert payload is None or len(json.dumps(payload, ensure_ascii=False).encode()) > 4000
            found.append(tasks[piece])
            lines.append((LINE_LIMIT, []))
            continue
        for line in piece.splitlines(keepends=True):
            assert len(line) <= LINE_LIMIT
            frame = json.loads(line)
            assert (frame["t"], frame.get("timeout")) == ("tasks", timeout)
            found += [(task, attempt, payload) for task, attempt, payload in frame["tasks"]]
            lines.append((len(line), frame["tasks"]))
    assert found == tasks
    for (size, _), (_, following) in itertools.pairwise(lines):
        if following:
            text = json.dumps(following[0], ensure_ascii=False, separators=(",", ":"))
            assert size + len(text.encode()) + 1 > LINE_LIMIT - 200  # \u escapes differ by a little


def test_a_full_window_of_short_tasks_is_one_line() -> None:
    tasks = [(100_000 + n, 1, "twelve bytes") for n in range(64)]
    (line,) = TaskWriter("json", None).batch(tasks)
    assert isinstance(line, bytes)
    assert line.count(b"\n") == 1


@pytest.mark.parametrize("size", range(2020, 2050))
def test_a_line_is_filled_to_the_last_byte_and_no_further(size: int) -> None:
    tasks = [(1, 1, "x" * size), (2, 1, "y" * size)]
    pieces = TaskWriter("json", None).batch(tasks)
    alone = len(b'{"t":"tasks","tasks":[]}\n') + 2 * (size + len(b'[1,1,""]')) + 1
    assert len(pieces) == (1 if alone <= LINE_LIMIT else 2)


# ---------------------------------------------------------------------------------------- unread


def test_only_whole_task_frames_count_as_unread() -> None:
    json_writer, tsv_writer = TaskWriter("json", None), TaskWriter("tsv", None)
    one = json_writer.inline(1, 1, "x") or b""
    two = tsv_writer.inline(2, 3, "x") or b""
    assert unread_tasks(one[5:] + one + b"\n{}\nping\n" + one[:-1], "json") == {(1, 1)}
    assert unread_tasks(one + two, None) == {(1, 1), (2, 3)}
    assert unread_tasks(two[2:] + b"task\tx\t1\t-\t\n" + two[:-3], "tsv") == set()
    assert unread_tasks(b"", "json") == set()


def test_a_torn_payload_that_looks_like_a_frame_is_none() -> None:
    inner = '{"t":"task","id":5,"attempt":1,"payload":"x"}'
    line = TaskWriter("tsv", None).inline(9, 1, inner) or b""
    assert unread_tasks(line[line.index(b"{") :], "tsv") == set()


def test_the_tasks_of_whole_batch_lines_are_unread() -> None:
    writer = TaskWriter("json", 30.0)
    many = b"".join(
        piece
        for piece in writer.batch([(n, 2, "[9,9,9]" * 80) for n in range(1, 20)])
        if isinstance(piece, bytes)
    )
    assert many.count(b"\n") > 2
    assert unread_tasks(many, "json") == {(n, 2) for n in range(1, 20)}
    assert unread_tasks(many, "tsv") == set()
    first, rest = many.split(b"\n", 1)
    inside = len(json.loads(first)["tasks"])
    assert unread_tasks(first[30:] + b"\n" + rest, "json") == {
        (n, 2) for n in range(inside + 1, 20)
    }
    assert unread_tasks(b'{"t":"tasks","tasks":[[1,1,"x"],[2]]}\n', "json") == set()


@given(st.binary(max_size=300))
def test_no_garbage_raises(data: bytes) -> None:
    line = TaskWriter("json", None).inline(1, 1, "x") or b""
    assert (1, 1) in unread_tasks(data + b"\n" + line, None)
