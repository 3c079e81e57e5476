"""The frame codec: both forms, any chunking, any garbage."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tmaxd.tasks.frames import (
    LINE_LIMIT,
    Bad,
    BegunFrame,
    DoneFrame,
    FailedFrame,
    Frame,
    HeartbeatFrame,
    LineBuffer,
    ProgressFrame,
    ReadyFrame,
    ResultsFrame,
    ReturnedFrame,
    StartedFrame,
    decode,
    escape,
    unescape,
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
        (b'{"t":"ready","v":1,"window":64,"batch":true}', ReadyFrame(1, 64, batch=True)),
        (b'{"t":"begun","tasks":[[1,1],[2,3]]}', BegunFrame([(1, 1), (2, 3)])),
        (b'{"t":"returned","tasks":[[1,1],[2,3]]}', ReturnedFrame([(1, 1), (2, 3)])),
        (b"returned\t17\t1", ReturnedFrame([(17, 1)])),
        (b'{"t":"results","tasks":[[1,1,"a\\n"]]}', ResultsFrame([(1, 1, "a\n")])),
        (b'{"t":"progress","id":1,"attempt":2,"done":3}', ProgressFrame(1, 2, 3)),
        (
            b'{"t":"progress","id":1,"attempt":2,"done":0.5,"total":1,"note":"half"}',
            ProgressFrame(1, 2, 0.5, 1, "half"),
        ),
        (b"progress\t1\t2\t3\t-\t", ProgressFrame(1, 2, 3)),
        (b"progress\t1\t2\t0.5\t10\ta\\tb", ProgressFrame(1, 2, 0.5, 10, "a\tb")),
        (b"failed\t1\t1\tcancelled\t", FailedFrame(1, 1, outcome="cancelled")),
        (
            b'{"t":"failed","id":1,"attempt":1,"outcome":"cancelled"}',
            FailedFrame(1, 1, outcome="cancelled"),
        ),
        (b'{"t":"heartbeat","v":1,"window":8,"batch":true}', HeartbeatFrame(1, 8, batch=True)),
        (b"heartbeat", HeartbeatFrame(form="tsv")),
        (b"heartbeat\t1\t8", HeartbeatFrame(1, 8, "tsv")),
        (b"heartbeat\t1\t8\t7", HeartbeatFrame(1, 8, "tsv", number=7)),
        (b'{"t":"heartbeat","v":1,"window":8,"number":7}', HeartbeatFrame(1, 8, number=7)),
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
        (b'{"t":"begun"}', "tasks"),
        (b'{"t":"begun","tasks":[[1,2,3]]}', "length 2"),
        (b'{"t":"returned","tasks":[1]}', "array"),
        (b"returned\t1", "returned takes 2 fields, this one has 1"),
        (b'{"t":"results","tasks":[[1,2]]}', "length 3"),
        (b'{"t":"results","tasks":[[1,2,null]]}', "null"),
        (b'{"t":"progress","id":1,"attempt":1}', "done"),
        (b"progress\t1\t1\tnan\t-\t", "'nan' is no number"),
        (b"progress\t1\t1\t1\tinf\t", "'inf' is no number"),
        (b"progress\t1\t1\t1\t-", "takes 5 fields"),
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
