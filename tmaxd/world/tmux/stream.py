"""What a control-mode client says, as values: blocks and notices (tmux(1), CONTROL MODE).

Bytes go in anyhow chunked, events come out. It knows nothing of the commands that were sent. The end of a
block is its own `%begin` line's time, number and flags, never a mere prefix: the text of a pane can hold a
line such as `%end 1 2 3`.
"""

from __future__ import annotations

import re

import msgspec

BODY_LIMIT = 64 * 1024 * 1024
"""Bytes in one block. The largest honest answer is one capture: 2,000 lines of history at 4 bytes a cell
and 220 columns is under 2 MB."""

_BEGIN = re.compile(rb"%begin (\d+ \d+ (\d+))")


class Garbled(Exception):
    """The stream is not what tmux writes; the client cannot be trusted any longer."""


class Block(msgspec.Struct, frozen=True):
    """The answer to one command."""

    ok: bool
    ours: bool
    """The command came through this client's input, not from the attach itself or a hook."""
    lines: tuple[bytes, ...]


class Notice(msgspec.Struct, frozen=True):
    """A notification outside of any block, without its leading `%`."""

    name: str
    rest: bytes


class Stream:
    """Incremental reader of one client's output."""

    def __init__(self) -> None:
        self._rest = b""
        self._end = self._error = b""
        self._ours = False
        self._inside_block = False
        self._lines: list[bytes] = []
        self._size = 0

    def feed(self, data: bytes) -> list[Block | Notice]:
        """Raises `Garbled` for a line that belongs nowhere, or a block beyond `BODY_LIMIT`."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        events: list[Block | Notice] = []
        for line in lines:
            event = self._inside(line) if self._inside_block else self._outside(line)
            if event is not None:
                events.append(event)
        if self._inside_block and self._size + len(self._rest) > BODY_LIMIT:
            raise Garbled(f"more than {BODY_LIMIT} bytes in one answer")
        return events

    def _inside(self, line: bytes) -> Block | None:
        if line in (self._end, self._error):
            block = Block(line == self._end, self._ours, tuple(self._lines))
            self._inside_block = False
            return block
        self._lines.append(line)
        self._size += len(line)
        return None

    def _outside(self, line: bytes) -> Notice | None:
        begin = _BEGIN.fullmatch(line)
        if begin:
            self._end, self._error = b"%end " + begin[1], b"%error " + begin[1]
            self._ours = begin[2] != b"0"
            self._inside_block = True
            self._lines = []
            self._size = 0
            return None
        name, _, rest = line.partition(b" ")
        if not name.startswith(b"%") or name in (b"%begin", b"%end", b"%error"):
            raise Garbled(f"a line that belongs to no answer: {line[:80]!r}")
        return Notice(name[1:].decode("ascii", "replace"), rest)
