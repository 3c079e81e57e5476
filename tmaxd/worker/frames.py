"""The JSON form of the frames, as a worker reads and writes it. Values only.

The daemon has its own codec: this one imports nothing but `json`, and knows only what a worker must.
"""

from __future__ import annotations

from json import JSONDecoder
from json.encoder import encode_basestring

LINE_LIMIT = 4096
"""Bytes of a frame with its newline: what Linux writes to a FIFO in one piece (PIPE_BUF, pipe(7))."""

Key = tuple[int, int]
"""Task id and attempt."""

_decode = JSONDecoder().raw_decode


class Order:
    """A task frame. Exactly one of `payload` and `payload_file` is set."""

    __slots__ = ("key", "payload", "payload_file", "timeout")

    def __init__(
        self, key: Key, payload: str | None, payload_file: str | None, timeout: float | None
    ) -> None:
        self.key = key
        self.payload = payload
        self.payload_file = payload_file
        self.timeout = timeout


class Lines:
    """The bytes of one FIFO, cut into lines wherever the chunks end. Holds at most LINE_LIMIT + 1 bytes:
    a longer line keeps its beginning only, and its length gives it away."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()[: LINE_LIMIT + 1]
        return lines


def order(line: bytes) -> Order | None:
    """The task frame on this line (without its newline); None when it is not a task frame."""
    frame = _object(line)
    if frame is None or frame.get("t") != "task":
        return None
    task, attempt = frame.get("id"), frame.get("attempt")
    payload, file, timeout = frame.get("payload"), frame.get("payload_file"), frame.get("timeout")
    if type(task) is not int or type(attempt) is not int:
        return None
    if timeout is not None and not (isinstance(timeout, (int, float)) and timeout > 0):
        return None
    if type(payload) is str and file is None:
        return Order((task, attempt), payload, None, timeout)
    if type(file) is str and payload is None:
        return Order((task, attempt), None, file, timeout)
    return None


def is_ping(line: bytes) -> bool:
    frame = _object(line)
    return frame is not None and frame.get("t") == "ping"


def _object(line: bytes) -> dict[str, object] | None:
    if len(line) >= LINE_LIMIT:
        return None
    try:
        text = line.decode()
        frame, end = _decode(text)
    except (ValueError, RecursionError):
        return None
    return frame if type(frame) is dict and end == len(text) else None


# --------------------------------------------------------------------------------------- writing


def heartbeat(window: int) -> bytes:
    """It says again what `ready` said, for a daemon that was not there."""
    return b'{"t":"heartbeat","v":1,"window":%d}\n' % window


def ready(window: int) -> bytes:
    """The newline in front ends a line that a dead predecessor may have left torn."""
    return b'\n{"t":"ready","v":1,"window":%d}\n' % window


def started(key: Key) -> bytes:
    return b'{"t":"started","id":%d,"attempt":%d}\n' % key


def done(key: Key, result: str) -> bytes:
    return b'{"t":"done","id":%d,"attempt":%d,"result":%b}\n' % (*key, _quoted(result))


def done_file(key: Key, path: str) -> bytes:
    return b'{"t":"done","id":%d,"attempt":%d,"result_file":%b}\n' % (*key, _quoted(path))


def failed(key: Key, outcome: str, error: str) -> bytes:
    """Never over the limit: of an error that is too long, the beginning is kept."""
    while True:
        line = b'{"t":"failed","id":%d,"attempt":%d,"outcome":"%b","error":%b}\n' % (
            *key,
            outcome.encode(),
            _quoted(error),
        )
        if len(line) <= LINE_LIMIT:
            return line
        # A character is at most 6 bytes here (\\u0000), so this ends after few rounds.
        error = error[: min(LINE_LIMIT, len(error)) * 3 // 4]


def _quoted(text: str) -> bytes:
    # Half a surrogate pair has no UTF-8 form; it becomes a question mark.
    return encode_basestring(text).encode("utf-8", "replace")
