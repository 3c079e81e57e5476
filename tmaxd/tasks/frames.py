"""The frames of `docs/protocol.md` as the daemon reads and writes them: JSON lines and TSV lines.

Reading never raises: what cannot be understood becomes a `Bad`. Writing gives bytes ready for a FIFO.
Nothing here knows what a frame means for a task.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

LINE_LIMIT: Final = 4096
"""Bytes of a frame with its newline: what Linux writes to a FIFO in one piece (PIPE_BUF, pipe(7))."""

SAMPLE = 80
"""Characters of a line that could not be understood, kept for the log."""

Form = Literal["json", "tsv"]
Natural = Annotated[int, Meta(ge=1)]


class ReadyFrame(msgspec.Struct, frozen=True, gc=False, tag="ready", tag_field="t"):
    v: int
    window: Natural
    form: Form = "json"
    """The form in which it was written, and so the one that the worker reads."""


class StartedFrame(msgspec.Struct, frozen=True, gc=False, tag="started", tag_field="t"):
    id: int
    attempt: int


class DoneFrame(msgspec.Struct, frozen=True, gc=False, tag="done", tag_field="t"):
    id: int
    attempt: int
    result: str | None = None
    result_file: str | None = None


class FailedFrame(msgspec.Struct, frozen=True, gc=False, tag="failed", tag_field="t"):
    id: int
    attempt: int
    error: str = ""
    retry: bool = False
    """The same as outcome `temporary`, for workers that only know yes and no."""
    outcome: Literal["failed", "temporary", "timeout"] = "failed"


class HeartbeatFrame(msgspec.Struct, frozen=True, gc=False, tag="heartbeat", tag_field="t"):
    """A sign of life. With `v` and `window` it says again what `ready` said, for a daemon that was not there."""

    v: int | None = None
    window: Natural | None = None
    form: Form = "json"


class Bad(msgspec.Struct, frozen=True, gc=False):
    """A line that is no frame: counted and logged, never fatal."""

    reason: str
    sample: str


Known = ReadyFrame | StartedFrame | DoneFrame | FailedFrame | HeartbeatFrame
Frame = Known | Bad

_decode_json: Final[Callable[[bytes], Known]] = msgspec.json.Decoder(Known).decode
_encode_text: Final = msgspec.json.Encoder().encode

_ESCAPES: Final = {"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"}
_UNESCAPES: Final = {escaped: plain for plain, escaped in _ESCAPES.items()}
_PLAIN: Final = re.compile(r"[\\\t\n\r]")
_ESCAPED: Final = re.compile(r"\\[\\tnr]")


def escape(text: str) -> str:
    """A TSV field: no tab, newline or carriage return is left in it."""
    return _PLAIN.sub(lambda m: _ESCAPES[m[0]], text)


def unescape(field: str) -> str:
    """The inverse of `escape`; a backslash before anything else stands for itself."""
    return _ESCAPED.sub(lambda m: _UNESCAPES[m[0]], field) if "\\" in field else field


# --------------------------------------------------------------------------------------- reading


class LineBuffer:
    """The bytes of one FIFO, cut into frames wherever the chunks end.

    Holds less than LINE_LIMIT bytes: what a longer line would add is dropped up to the next newline, and
    the line counts as one `Bad`."""

    __slots__ = ("_overlong", "_rest")

    def __init__(self) -> None:
        self._rest = b""
        self._overlong = False

    def feed(self, data: bytes) -> list[Frame]:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if self._overlong and lines:
            lines[0] = b""
            self._overlong = False
        frames = [decode(line) for line in lines if line]
        if self._overlong:
            self._rest = b""
        elif len(self._rest) >= LINE_LIMIT:
            frames.append(_too_long(self._rest))
            self._rest = b""
            self._overlong = True
        return frames


def decode(line: bytes) -> Frame:
    """One line without its newline, as a worker wrote it."""
    if len(line) >= LINE_LIMIT:
        return _too_long(line)
    try:
        if line[:1] == b"{":
            return _decode_json(line)
        return _decode_tsv(line.decode())
    except UnicodeDecodeError:
        return _bad("not UTF-8", line)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        return _bad(str(error), line)


def _decode_tsv(text: str) -> Frame:
    kind, *fields = text.split("\t")
    reader = _READERS.get(kind)
    if reader is None:
        raise ValueError(f"unknown kind {kind[:SAMPLE]!r}")
    arities, build = reader
    if len(fields) not in arities:
        wanted = " or ".join(str(arity) for arity in arities)
        raise ValueError(f"{kind} takes {wanted} fields, this one has {len(fields)}")
    return build(fields)


def _ready(f: list[str]) -> Frame:
    if int(f[1]) < 1:
        raise ValueError(f"ready has no window {f[1][:SAMPLE]!r}")
    return ReadyFrame(int(f[0]), int(f[1]), "tsv")


def _heartbeat(f: list[str]) -> Frame:
    if not f:
        return HeartbeatFrame(form="tsv")
    if int(f[1]) < 1:
        raise ValueError(f"heartbeat has no window {f[1][:SAMPLE]!r}")
    return HeartbeatFrame(int(f[0]), int(f[1]), "tsv")


def _failed(f: list[str]) -> Frame:
    if f[2] not in ("failed", "temporary", "timeout"):
        raise ValueError(f"failed has no outcome {f[2][:SAMPLE]!r}")
    outcome: Literal["failed", "temporary", "timeout"] = f[2]  # type: ignore[assignment]  # checked above
    return FailedFrame(int(f[0]), int(f[1]), unescape(f[3]), False, outcome)


_READERS: Final[dict[str, tuple[tuple[int, ...], Callable[[list[str]], Frame]]]] = {
    "ready": ((2,), _ready),
    "started": ((2,), lambda f: StartedFrame(int(f[0]), int(f[1]))),
    "done": ((3,), lambda f: DoneFrame(int(f[0]), int(f[1]), unescape(f[2]))),
    "done_file": ((3,), lambda f: DoneFrame(int(f[0]), int(f[1]), None, unescape(f[2]))),
    "failed": ((4,), _failed),
    "heartbeat": ((0, 2), _heartbeat),
}


def _too_long(line: bytes) -> Bad:
    return _bad(f"longer than {LINE_LIMIT} bytes", line)


def _bad(reason: str, line: bytes) -> Bad:
    return Bad(reason, line[: SAMPLE * 4].decode(errors="replace")[:SAMPLE])


class _Unread(msgspec.Struct, frozen=True, tag="task", tag_field="t"):
    id: int
    attempt: int


_decode_unread: Final = msgspec.json.Decoder(_Unread).decode


def unread_tasks(data: bytes, form: Form | None) -> set[tuple[int, int]]:
    """(id, attempt) of every whole task frame in what nobody read. A first line that a dead reader left
    torn is no frame in the worker's own form; `form` None takes either."""
    found = set()
    lines = data.split(b"\n")
    lines.pop()  # without its newline the last line is not whole
    for line in lines:
        try:
            if line[:1] == b"{":
                if form != "tsv":
                    frame = _decode_unread(line)
                    found.add((frame.id, frame.attempt))
            elif form != "json":
                kind, task, attempt, _ = line.split(b"\t", 3)
                if kind in (b"task", b"task_file"):
                    found.add((int(task), int(attempt)))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            continue
    return found


# --------------------------------------------------------------------------------------- writing


def payload_path(spool: str, task: int) -> str:
    """Where a payload stands that is too long for a frame."""
    return f"{spool}/{task}.payload"


class TaskWriter:
    """Task frames of one form and timeout. Made once a worker and policy, since it is on the hot path."""

    __slots__ = ("_json", "_limit", "_tail")

    def __init__(self, form: Form, timeout: float | None) -> None:
        self._json = form == "json"
        if self._json:
            limit = "" if timeout is None else f',"timeout":{float(timeout)!r}'
            self._limit = b""
            self._tail = f"{limit}}}\n".encode()
        else:
            self._limit = (b"-" if timeout is None else _seconds(timeout)) + b"\t"
            self._tail = b"\n"

    def inline(self, task: int, attempt: int, payload: str) -> bytes | None:
        """None when the line would be too long, and the payload must go by file."""
        if self._json:
            line = b'{"t":"task","id":%d,"attempt":%d,"payload":%b%b' % (
                task,
                attempt,
                _encode_text(payload),
                self._tail,
            )
        else:
            line = b"task\t%d\t%d\t%b%b\n" % (task, attempt, self._limit, escape(payload).encode())
        return line if len(line) <= LINE_LIMIT else None

    def by_file(self, task: int, attempt: int, path: str) -> bytes:
        if self._json:
            text = _encode_text(path)
            return b'{"t":"task","id":%d,"attempt":%d,"payload_file":%b%b' % (
                task,
                attempt,
                text,
                self._tail,
            )
        return b"task_file\t%d\t%d\t%b%b\n" % (task, attempt, self._limit, escape(path).encode())


def _seconds(value: float) -> bytes:
    """Without a fraction where there is none: shells count in whole seconds."""
    return (str(int(value)) if value == int(value) else f"{value:.3f}").encode()
