"""The frames of `docs/protocol.md` as the daemon reads them: JSON lines and TSV lines.

Reading never raises: what cannot be understood becomes a `Bad`. Nothing here knows what a frame means for a
task; `writing` has the other direction.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Annotated, Final, Literal, get_args

import msgspec
from msgspec import Meta

from tmaxd.tasks.store_frames import DeleteFrame, IncrFrame, StoreFrame, readers

LINE_LIMIT: Final = 4096
"""Bytes of a frame with its newline: what Linux writes to a FIFO in one piece (PIPE_BUF, pipe(7))."""

SAMPLE = 80
"""Characters of a line that could not be understood, kept for the log."""

Form = Literal["json", "tsv"]
Natural = Annotated[int, Meta(ge=1)]
FailedOutcome = Literal["failed", "temporary", "timeout", "cancelled"]


class ReadyFrame(msgspec.Struct, frozen=True, gc=False, tag="ready", tag_field="t"):
    v: int
    window: Natural
    form: Form = "json"
    """The form in which it was written, and so the one that the worker reads."""
    batch: bool = False
    """It takes many tasks in one frame."""


class StartedFrame(msgspec.Struct, frozen=True, gc=False, tag="started", tag_field="t"):
    id: int
    attempt: int


class BegunFrame(msgspec.Struct, frozen=True, gc=False, tag="begun", tag_field="t"):
    """Many `started` in one line."""

    tasks: list[tuple[int, int]]
    """(id, attempt)"""


class ReturnedFrame(msgspec.Struct, frozen=True, gc=False, tag="returned", tag_field="t"):
    """Tasks that it has taken, has not begun, and will not do now."""

    tasks: list[tuple[int, int]]
    """(id, attempt)"""


class DoneFrame(msgspec.Struct, frozen=True, gc=False, tag="done", tag_field="t"):
    id: int
    attempt: int
    result: str | None = None
    result_file: str | None = None


class ResultsFrame(msgspec.Struct, frozen=True, gc=False, tag="results", tag_field="t"):
    """Many `done` in one line."""

    tasks: list[tuple[int, int, str]]
    """(id, attempt, result)"""


class FailedFrame(msgspec.Struct, frozen=True, gc=False, tag="failed", tag_field="t"):
    id: int
    attempt: int
    error: str = ""
    retry: bool = False
    """The same as outcome `temporary`, for workers that only know yes and no."""
    outcome: FailedOutcome = "failed"


class ProgressFrame(msgspec.Struct, frozen=True, gc=False, tag="progress", tag_field="t"):
    """How far a task is, in a unit of the worker's own."""

    id: int
    attempt: int
    done: int | float
    total: int | float | None = None
    note: str = ""


class HeartbeatFrame(msgspec.Struct, frozen=True, gc=False, tag="heartbeat", tag_field="t"):
    """A sign of life. With `v` and `window` it says again what `ready` said, for a daemon that was not there."""

    v: int | None = None
    window: Natural | None = None
    form: Form = "json"
    batch: bool = False
    number: int | None = None
    """That of the ping which it answers, after all that the worker held then."""


class Bad(msgspec.Struct, frozen=True, gc=False):
    """A line that is no frame: counted and logged, never fatal."""

    reason: str
    sample: str


Known = (
    ReadyFrame
    | StartedFrame
    | BegunFrame
    | ReturnedFrame
    | DoneFrame
    | ResultsFrame
    | FailedFrame
    | ProgressFrame
    | HeartbeatFrame
    | StoreFrame
    | DeleteFrame
    | IncrFrame
)
Frame = Known | Bad

_decode_json: Final[Callable[[bytes], Known]] = msgspec.json.Decoder(Known).decode
_OUTCOMES: Final[dict[str, FailedOutcome]] = {o: o for o in get_args(FailedOutcome)}

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
    number = int(f[2]) if len(f) > 2 else None
    return HeartbeatFrame(int(f[0]), int(f[1]), "tsv", False, number)


def _failed(f: list[str]) -> Frame:
    outcome = _OUTCOMES.get(f[2])
    if outcome is None:
        raise ValueError(f"failed has no outcome {f[2][:SAMPLE]!r}")
    return FailedFrame(int(f[0]), int(f[1]), unescape(f[3]), False, outcome)


def _progress(f: list[str]) -> Frame:
    total = None if f[3] == "-" else _number(f[3])
    return ProgressFrame(int(f[0]), int(f[1]), _number(f[2]), total, unescape(f[4]))


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:SAMPLE]!r} is no number")
    return number


_READERS: Final[dict[str, tuple[tuple[int, ...], Callable[[list[str]], Frame]]]] = {
    "ready": ((2,), _ready),
    "started": ((2,), lambda f: StartedFrame(int(f[0]), int(f[1]))),
    "returned": ((2,), lambda f: ReturnedFrame([(int(f[0]), int(f[1]))])),
    "done": ((3,), lambda f: DoneFrame(int(f[0]), int(f[1]), unescape(f[2]))),
    "done_file": ((3,), lambda f: DoneFrame(int(f[0]), int(f[1]), None, unescape(f[2]))),
    "failed": ((4,), _failed),
    "progress": ((5,), _progress),
    "heartbeat": ((0, 2, 3), _heartbeat),
    **readers(unescape),
}


def _too_long(line: bytes) -> Bad:
    return _bad(f"longer than {LINE_LIMIT} bytes", line)


def _bad(reason: str, line: bytes) -> Bad:
    return Bad(reason, line[: SAMPLE * 4].decode(errors="replace")[:SAMPLE])
