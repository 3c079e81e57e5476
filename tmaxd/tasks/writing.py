"""Frames for workers, as bytes ready for a FIFO; and which of them stand in what nobody read. The frames are those
of `docs/protocol.md`; `frames` has the other direction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from tmaxd.tasks.frames import LINE_LIMIT, Form, escape

_encode: Final = msgspec.json.Encoder().encode
_encode_lines: Final = msgspec.json.Encoder().encode_lines

_BATCH_HEAD: Final = b'{"t":"tasks","tasks":['
_NO_PAYLOAD: Final = b",null]"


def payload_path(spool: str, task: int) -> str:
    """Where a payload stands that is too long for a frame."""
    return f"{spool}/{task}.payload"


class TaskWriter:
    """Task frames of one form and timeout. Made once for many of them, since it is on the hot path."""

    __slots__ = ("_batch_tail", "_json", "_limit", "_room", "_tail", "timeout")

    def __init__(self, form: Form, timeout: float | None) -> None:
        self.timeout = timeout
        self._json = form == "json"
        if self._json:
            limit = "" if timeout is None else f',"timeout":{float(timeout)!r}'
            self._limit = b""
            self._tail = f"{limit}}}\n".encode()
        else:
            self._limit = (b"-" if timeout is None else _seconds(timeout)) + b"\t"
            self._tail = b"\n"
        self._batch_tail = b"]" + self._tail
        self._room = LINE_LIMIT - len(_BATCH_HEAD) - len(self._batch_tail)

    def inline(self, task: int, attempt: int, payload: str) -> bytes | None:
        """None when the line would be too long, and the payload must go by file."""
        if self._json:
            line = b'{"t":"task","id":%d,"attempt":%d,"payload":%b%b' % (
                task,
                attempt,
                _encode(payload),
                self._tail,
            )
        else:
            line = b"task\t%d\t%d\t%b%b\n" % (task, attempt, self._limit, escape(payload).encode())
        return line if len(line) <= LINE_LIMIT else None

    def by_file(self, task: int, attempt: int, path: str) -> bytes:
        if self._json:
            text = _encode(path)
            return b'{"t":"task","id":%d,"attempt":%d,"payload_file":%b%b' % (
                task,
                attempt,
                text,
                self._tail,
            )
        return b"task_file\t%d\t%d\t%b%b\n" % (task, attempt, self._limit, escape(path).encode())

    def batch(self, tasks: Sequence[tuple[int, int, str | None]]) -> list[bytes | int]:
        """(id, attempt, payload) of many as `tasks` lines, each as full as may be. In their order: the bytes of one or
        more lines, and the places in `tasks` of those that must go alone, too long for such a line or None."""
        items = _encode_lines(tasks)
        # A newline in a payload is escaped, so those that are there stand between the tasks; the last one goes.
        if len(items) - 1 <= self._room and _NO_PAYLOAD not in items:
            return [_BATCH_HEAD + items[:-1].replace(b"\n", b",") + self._batch_tail]
        pieces: list[bytes | int] = []
        taken: list[bytes] = []
        room = self._room
        for place, item in enumerate(items.split(b"\n")[:-1]):
            size = len(item)
            alone = size > self._room or item.endswith(_NO_PAYLOAD)
            if taken and (alone or size > room):
                pieces.append(_BATCH_HEAD + b",".join(taken) + self._batch_tail)
                taken = []
                room = self._room
            if alone:
                pieces.append(place)
            else:
                taken.append(item)
                room -= size + 1
        if taken:
            pieces.append(_BATCH_HEAD + b",".join(taken) + self._batch_tail)
        return pieces


def cancel_frame(form: Form, task: int, attempt: int) -> bytes:
    """For the control FIFO: end the task now, whether it waits in the worker or runs."""
    if form == "json":
        return b'{"t":"cancel","id":%d,"attempt":%d}\n' % (task, attempt)
    return b"cancel\t%d\t%d\n" % (task, attempt)


def ping_frame(form: Form | None, number: int | None = None) -> bytes:
    """For the control FIFO: a heartbeat is wanted. With a number: and before it what the worker holds. Of a worker
    whose form is not known, both: it skips what it does not understand."""
    if form is None:
        return ping_frame("tsv", number) + ping_frame("json", number)
    if form == "json":
        return b'{"t":"ping"}\n' if number is None else b'{"t":"ping","number":%d}\n' % number
    return b"ping\n" if number is None else b"ping\t%d\n" % number


def pause_frame(form: Form, paused: bool) -> bytes:
    """For the control FIFO: take no more records from the shared one, or do again."""
    word = b"pause" if paused else b"resume"
    return b'{"t":"%b"}\n' % word if form == "json" else word + b"\n"


def _seconds(value: float) -> bytes:
    """Without a fraction where there is none: shells count in whole seconds."""
    return (str(int(value)) if value == int(value) else f"{value:.3f}").encode()


# ---------------------------------------------------------------------------------------- unread


class _Task(msgspec.Struct, frozen=True, tag="task", tag_field="t"):
    id: int
    attempt: int


class _Tasks(msgspec.Struct, frozen=True, tag="tasks", tag_field="t"):
    tasks: list[tuple[int, int, msgspec.Raw]]


_decode_unread: Final = msgspec.json.Decoder(_Task | _Tasks).decode


def unread_tasks(data: bytes, form: Form | None) -> set[tuple[int, int]]:
    """(id, attempt) of every task in the whole frames of what nobody read. A first line that a dead reader left
    torn is no frame in the worker's own form; `form` None takes either."""
    found: set[tuple[int, int]] = set()
    lines = data.split(b"\n")
    lines.pop()  # without its newline the last line is not whole
    for line in lines:
        try:
            if line[:1] == b"{":
                if form != "tsv":
                    found.update(_named(line))
            elif form != "json":
                kind, task, attempt, _ = line.split(b"\t", 3)
                if kind in (b"task", b"task_file"):
                    found.add((int(task), int(attempt)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return found


def _named(line: bytes) -> list[tuple[int, int]]:
    frame = _decode_unread(line)
    if isinstance(frame, _Task):
        return [(frame.id, frame.attempt)]
    return [(task, attempt) for task, attempt, _ in frame.tasks]
