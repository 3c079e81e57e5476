"""Where the log's lines go: whole lines to a stream that may fail for a while, as a file does when the disk is full.

What cannot be written is dropped, never kept: Python's own buffer would keep it, grow, and bring the lines
out later, torn.
"""

from __future__ import annotations

import io
from typing import TextIO


class Sink:
    """One stream's. Where the stream has a file, that is written to without a buffer."""

    def __init__(self, stream: TextIO) -> None:
        self._text: TextIO | None = stream
        self._raw = _raw(stream)
        self._torn = False
        """A line was cut short: the next one must not be glued to it."""

    def write(self, line: str) -> bool:
        """Whether the line is out, with a newline after it. A closed stream stays silent for ever."""
        try:
            return self._write_text(line) if self._raw is None else self._write_raw(line, self._raw)
        except OSError:
            pass
        except ValueError:
            self._text = self._raw = None
        return False

    def _write_text(self, line: str) -> bool:
        if self._text is None:
            return False
        self._text.write(line + "\n")
        self._text.flush()
        return True

    def _write_raw(self, line: str, raw: io.FileIO) -> bool:
        data = line.encode(errors="backslashreplace") + b"\n"
        left = memoryview(b"\n" + data if self._torn else data)
        while left:
            count = raw.write(left)
            if not count:
                return False  # a pipe or terminal that does not block, and whose reader lags
            left = left[count:]
            self._torn = bool(left)
        return True


def _raw(stream: TextIO) -> io.FileIO | None:
    try:
        stream.flush()
        return io.FileIO(stream.fileno(), "w", closefd=False)
    except (OSError, ValueError):
        return None
