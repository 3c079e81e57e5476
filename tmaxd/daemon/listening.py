"""Waits for a line in what a run writes to its terminal: looks from time to time at what has come to its log."""

from __future__ import annotations

import re

from tmaxd.daemon.screen import Lines
from tmaxd.ports.outputs import Mark, Outputs

LOOK = 0.05
"""Seconds between two looks, only while a run that is wanted ready waits for its line: a look costs some 10 µs."""

PIECE = 256 * 1024
"""Bytes that one look takes in; more waits for the next, which then follows at once."""

SHOWN = 200
"""Characters of the last line that are shown while none matches."""


class Listening:
    """For one run. `begins`: where its output begins in the log of its worker."""

    def __init__(self, outputs: Outputs, worker: str, begins: Mark, pattern: str) -> None:
        self._outputs = outputs
        self._worker = worker
        self._mark = begins
        self._pattern = re.compile(pattern)
        self._lines = Lines()
        self._stale = True
        """What stands there unfinished has been looked at."""
        self.more = False
        """There was more than one look takes in."""
        self.last = ""
        """The last line that has come."""

    def heard(self) -> bool:
        """Whether the line has come since the last look. A line without an end counts, as that of a prompt, once
        nothing has followed it from one look to the next. Raises `Unknown`."""
        data, self._mark = self._outputs.read(self._worker, self._mark, PIECE)
        self.more = len(data) == PIECE
        if data:
            lines = self._lines.feed(data)
        elif self._stale:
            return False
        else:
            lines = self._lines.unfinished
        self._stale = not data
        if lines:
            self.last = lines[-1][:SHOWN]
        return any(self._pattern.search(line) for line in lines)
