"""The JSON form of the frames, as a worker reads and writes it. Values only.

The daemon has its own codec: this one imports nothing but `json`, and knows only what a worker must.
"""

from __future__ import annotations

from json import JSONDecoder
from json.encoder import encode_basestring

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from collections.abc import Sequence

LINE_LIMIT = 4096
"""Bytes of a frame with its newline: what Linux writes to a FIFO in one piece (PIPE_BUF, pipe(7)). Also the size of
a record in a FIFO that a group shares."""

SHORT = 600
"""Characters of a result that fits a frame whatever it is made of: no character takes more than 6 bytes (\\u0000)."""

NOTE = 200
"""Characters of a progress note; more is cut."""

PAIRS = 100
"""(id, attempt) pairs in one frame of them: below 4096 bytes for any 64-bit ids."""

Key = tuple[int, int]
"""Task id and attempt."""

Result = tuple[int, int, str]
"""Task id, attempt and a SHORT result."""


def _refuse(name: str) -> object:
    raise ValueError(f"{name} is not JSON")


_scan = JSONDecoder(parse_constant=_refuse).raw_decode


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


def parse(line: bytes) -> dict[str, object] | None:
    """The object on this line (without its newline); None when there is none."""
    if len(line) >= LINE_LIMIT:
        return None
    try:
        text = line.decode()
        frame, end = _scan(text)
    except (ValueError, RecursionError):
        return None
    return frame if type(frame) is dict and end == len(text) else None


def key_of(frame: dict[str, object]) -> Key | None:
    task, attempt = frame.get("id"), frame.get("attempt")
    return (task, attempt) if type(task) is int and type(attempt) is int else None


# --------------------------------------------------------------------------------------- writing


def heartbeat(window: int, number: int | None = None) -> bytes:
    """It says again what `ready` said, for a daemon that was not there; `number` is that of the ping it answers."""
    answer = b"" if number is None else b',"number":%d' % number
    return b'{"t":"heartbeat","v":1,"window":%d,"batch":true%b}\n' % (window, answer)


def ready(window: int) -> bytes:
    """The newline in front ends a line that a dead predecessor may have left torn."""
    return b'\n{"t":"ready","v":1,"window":%d,"batch":true}\n' % window


def begun(keys: Sequence[Key]) -> bytes:
    if not keys:
        return b""
    if len(keys) == 1:
        return b'{"t":"started","id":%d,"attempt":%d}\n' % keys[0]
    if len(keys) > PAIRS:
        return begun(keys[:PAIRS]) + begun(keys[PAIRS:])
    return f'{{"t":"begun","tasks":[{_pairs(keys)}]}}\n'.encode()


def returned(keys: Sequence[Key]) -> bytes:
    """Tasks that were taken and not begun, for others to do."""
    if not keys:
        return b""
    if len(keys) > PAIRS:
        return returned(keys[:PAIRS]) + returned(keys[PAIRS:])
    return f'{{"t":"returned","tasks":[{_pairs(keys)}]}}\n'.encode()


def _pairs(keys: Sequence[Key]) -> str:
    return ",".join([f"[{task},{attempt}]" for task, attempt in keys])


def results(tasks: Sequence[Result]) -> bytes:
    """As few lines as may be."""
    if not tasks:
        return b""
    if len(tasks) == 1:
        task, attempt, text = tasks[0]
        return done((task, attempt), text)
    quoted = encode_basestring
    rows = ",".join([f"[{task},{attempt},{quoted(text)}]" for task, attempt, text in tasks])
    line = f'{{"t":"results","tasks":[{rows}]}}\n'.encode("utf-8", "replace")
    if len(line) <= LINE_LIMIT:
        return line
    half = len(tasks) // 2
    return results(tasks[:half]) + results(tasks[half:])


def done(key: Key, result: str) -> bytes:
    return b'{"t":"done","id":%d,"attempt":%d,"result":%b}\n' % (*key, _quoted(result))


def done_file(key: Key, path: str) -> bytes:
    return b'{"t":"done","id":%d,"attempt":%d,"result_file":%b}\n' % (*key, _quoted(path))


def failed(key: Key, outcome: str, text: str) -> bytes:
    """Never over the limit: of an error that is too long, the beginning is kept."""
    while True:
        line = error(key, outcome, text)
        if len(line) <= LINE_LIMIT:
            return line
        text = text[: min(LINE_LIMIT, len(text)) * 3 // 4]


def error(key: Key, outcome: str, text: str) -> bytes:
    """As `failed`, however long it gets."""
    return b'{"t":"failed","id":%d,"attempt":%d,"outcome":"%b","error":%b}\n' % (
        *key,
        outcome.encode(),
        _quoted(text),
    )


def progress(key: Key, done: float, total: float | None, note: str) -> bytes:
    """Raises ValueError for a number that JSON cannot express."""
    tail = b"" if total is None else b',"total":' + _number(total)
    if note:
        tail += b',"note":' + _quoted(note[:NOTE])
    return b'{"t":"progress","id":%d,"attempt":%d,"done":%b%b}\n' % (*key, _number(done), tail)


def _number(value: float) -> bytes:
    if not -1e300 < value < 1e300:
        raise ValueError(f"progress must be a finite number, not {value!r}")
    return repr(int(value) if value == int(value) else float(value)).encode()


def _quoted(text: str) -> bytes:
    # Half a surrogate pair has no UTF-8 form; it becomes a question mark.
    return encode_basestring(text).encode("utf-8", "replace")
