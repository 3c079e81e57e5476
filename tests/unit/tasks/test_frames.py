"""The frame codec: both forms, any chunking, any garbage."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tmaxd.tasks.frames import (
    LINE_LIMIT,
    Bad,
    DoneFrame,
    FailedFrame,
    Form,
    Frame,
    HeartbeatFrame,
    LineBuffer,
    ReadyFrame,
    StartedFrame,
    TaskWriter,
    decode,
    escape,
    payload_path,
    unescape,
    unread_tasks,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@pytest.mark.parametrize(
    ("line", "frame"),
    [
        (b'{"t":"ready","v":1,"window":64}', ReadyFrame(1, 64)),
        (b"ready\t1\t64", ReadyFrame(1, 64, "tsv")),
        (b'{"t":"started","id":17,"attempt":1}', StartedFrame(17, 1)),
        (b"started\t17\t1", StartedFrame(17, 1)),
        (b'{"t":"done","id":17,"attempt":1,"result":"a\\tb"}', DoneFrame(17, 1, "a\tb")),
        (b"done\t17\t1\ta\\tb\\\\n", DoneFrame(17, 1, "a\tb\\n")),
        (b"done\t17\t1\t", DoneFrame(17, 1, "")),
        (b'{"t":"done","id":17,"attempt":1,"result_file":"/r"}', DoneFrame(17, 1, None, "/r")),
        (b"done_file\t17\t1\t/r", DoneFrame(17, 1, None, "/r")),
        (b'{"t":"failed","id":17,"attempt":1}', FailedFrame(17, 1)),
        (
            b'{"t":"failed","id":17,"attempt":1,"error":"no","retry":true}',
            FailedFrame(17, 1, "no", True),
        ),
        (b"failed\t17\t1\ttimeout\tno", FailedFrame(17, 1, "no", False, "timeout")),
        (b'{"t":"heartbeat","new field":[1,{}]}', HeartbeatFrame()),
        (b"heartbeat", HeartbeatFrame(form="tsv")),
        (b"heartbeat\t1\t8", HeartbeatFrame(1, 8, "tsv")),
        (b'{"t":"heartbeat","v":1,"window":8}', HeartbeatFrame(1, 8)),
    ],
)
def test_decode(line: bytes, frame: Frame) -> None:
    assert decode(line) == frame


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "truncated"),
        (b'{"t":"done"}', "id"),
        (b'{"t":"done","id":"17","attempt":1}', "int"),
        (b'{"t":"explode"}', "explode"),
        (b'{"t":"failed","id":1,"attempt":1,"outcome":"lost"}', "lost"),
        (b'{"t":"ready","v":1,"window":0}', ">= 1"),
        (b'{"t":"done","id":1,"attempt":1,"result":"\\ud800"}', ""),
        (b'{"t":"heartbeat","x":' + b"[" * 3000, ""),
        (b'{"t":"heartbeat"} x', "trailing"),
        (b"explode\t1", "unknown kind 'explode'"),
        (b"done\t17\t1", "done takes 3 fields, this one has 2"),
        (b"done\t17\t1\tx\ty", "done takes 3 fields, this one has 4"),
        (b"started\tx\t1", "invalid literal"),
        (b"failed\t1\t1\tlost\t", "no outcome 'lost'"),
        (b"ready\t1\t0", "no window '0'"),
        (b"done\t1\t1\t\xff", "not UTF-8"),
        (b'{"t":"done","id":1,"attempt":1,"result":"\xff"}', "not UTF-8"),
        (b"x" * LINE_LIMIT, "longer than 4096 bytes"),
    ],
)
def test_what_is_no_frame_says_why(line: bytes, reason: str) -> None:
    bad = decode(line)
    assert isinstance(bad, Bad)
    assert reason in bad.reason
    assert len(bad.sample) <= 80
    assert bad.sample.encode()


@given(st.binary(max_size=200) | st.text().map(lambda text: ("{" + text).encode(errors="replace")))
@example(b'{"t":"done","id":1,"attempt":1,"result":"\\ud800\\ud800"}')
@example(b'{"t":"done","id":1,"attempt":1,"result":"\\udc00x"}')
@example(b"done\t" + b"9" * 3000 + b"\t\xed\xa0\x80\t")
def test_no_line_raises_and_every_text_can_be_stored(line: bytes) -> None:
    frame = decode(line)
    if isinstance(frame, DoneFrame):
        assert (frame.result or frame.result_file or "").encode() is not None


LINES = st.lists(
    st.sampled_from(
        [b"", b"heartbeat", b"\x00\xff", b'{"t":"heartbeat"}', b"started\t1\t1", b"{" * 90]
    )
    | st.integers(4090, 4100).map(lambda size: b"y" * size)
    | st.just(b"z" * 20_000),
    max_size=8,
)


@given(LINES, st.booleans(), st.lists(st.integers(1, 6000), min_size=1, max_size=8))
def test_chunks_do_not_matter(lines: list[bytes], ended: bool, sizes: list[int]) -> None:
    data = b"\n".join(lines) + (b"\n" if ended else b"")
    whole = LineBuffer().feed(data)
    buffer = LineBuffer()
    frames: list[Frame] = []
    position = turn = 0
    while position < len(data):
        size = sizes[turn % len(sizes)]
        frames += buffer.feed(data[position : position + size])
        assert len(buffer._rest) < LINE_LIMIT
        position += size
        turn += 1
    assert frames == whole


def test_byte_by_byte() -> None:
    data = (
        b'\nready\t1\t4\n{"t":"started","id":1,"attempt":1}\n' + b"x" * 5000 + b"\nheartbeat\nhear"
    )
    buffer = LineBuffer()
    frames = [frame for byte in data for frame in buffer.feed(bytes([byte]))]
    assert [type(frame).__name__ for frame in frames] == [
        "ReadyFrame", "StartedFrame", "Bad", "HeartbeatFrame",
    ]  # fmt: skip
    assert buffer.feed(b"tbeat\n") == [HeartbeatFrame(form="tsv")]


def test_after_an_overlong_line_the_next_one_counts() -> None:
    buffer = LineBuffer()
    assert [type(f) for f in buffer.feed(b"x" * 5000)] == [Bad]
    assert buffer.feed(b"x" * 5000) == []
    assert buffer.feed(b"heartbeat\nheartbeat\n") == [HeartbeatFrame(form="tsv")]


# --------------------------------------------------------------------------------------- writing


@given(TEXT)
def test_escape_and_back(text: str) -> None:
    field = escape(text)
    assert not set(field) & set("\t\n\r")
    assert unescape(field) == text


def test_a_stray_backslash_stands_for_itself() -> None:
    assert unescape("a\\b\\") == "a\\b\\"
    assert unescape("\\\\n") == "\\n"


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
