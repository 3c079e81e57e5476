"""What outboxes get: of each task that ended one JSON line.

    {"id":17,"group":"echo","state":"done","attempt":1,"worker":"echo-1","result":"text","at":1700000000.123}
    {"id":18,"group":"echo","state":"dead","attempt":3,"worker":"echo-1","error":"exit status 1","at":…}

`result_file` stands instead of a result that the line has no room for, where it has a file. A text that is cut says
so: `"truncated":true`. `worker` is null where none had the task.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tmaxd.tasks.events import Publish
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.routes import End

LINE_LIMIT: Final = 4096
"""Bytes of a line with its newline: what Linux writes to a FIFO in one piece (PIPE_BUF, pipe(7)), so that several
readers of an outbox share out whole lines. Only a path that is longer than most breaks it."""

TRUNCATED: Final = b'"truncated":true,'

_encode: Final = msgspec.json.Encoder().encode


def lines(group: str, policy: GroupPolicy, ends: Sequence[End]) -> list[Publish]:
    """The lines of these ended tasks of the group, for each of its outboxes."""
    if not (policy.outboxes and ends):
        return []
    name = _encode(group)
    found = [line(name, end) for end in ends]
    return [Publish(outbox, found) for outbox in policy.outboxes]


def line(group: bytes, end: End) -> bytes:
    """`group` is its name as JSON."""
    head = b'{"id":%d,"group":%b,"state":"%b","attempt":%d,"worker":%b,' % (
        end.task,
        group,
        end.state.encode(),
        end.attempt,
        _encode(end.worker),
    )
    tail = b'"at":%.3f}\n' % end.at
    room = LINE_LIMIT - len(head) - len(tail)
    return (
        head
        + (_result(end, room) if end.state == "done" else _text("error", end.error, room))
        + tail
    )


def _result(end: End, room: int) -> bytes:
    if end.result_file is None:
        return _text("result", end.result or "", room)
    if end.result is not None and len(end.result) < room:
        whole = _field("result", _encode(end.result))
        if len(whole) <= room:
            return whole
    return _field("result_file", _encode(end.result_file))


def _text(key: str, text: str, room: int) -> bytes:
    """The text as a field; what does not go into `room` bytes is cut off."""
    if len(text) < room:
        whole = _field(key, _encode(text))
        if len(whole) <= room:
            return whole
    room -= len(TRUNCATED) + len(_field(key, b'""'))
    return _field(key, b'"%b"' % _cut(text, room)) + TRUNCATED


def _cut(text: str, room: int) -> bytes:
    """As much of the beginning of the text as `room` bytes of JSON hold, in whole characters."""
    low, high = 0, min(len(text), max(room, 0))
    while low < high:
        middle = (low + high + 1) // 2
        if len(_encode(text[:middle])) - 2 <= room:
            low = middle
        else:
            high = middle - 1
    return _encode(text[:low])[1:-1]


def _field(key: str, value: bytes) -> bytes:
    return b'"%b":%b,' % (key.encode(), value)
