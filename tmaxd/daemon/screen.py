"""What a program wrote to its terminal, as lines of plain text. Pure; no terminal is emulated.

What moves the cursor to another line ends the line, what moves it to the right is a blank, all else that is not text
goes. That is enough to find words in the output of programs that paint their screen, too.
"""

from __future__ import annotations

import re

LINE = 4096
"""Characters of a line that are kept, the last ones: more is no line that somebody would look for, and a regular
expression takes its time for each."""

TAIL = 16 * 1024
"""Bytes that an unfinished line is kept with, escape sequences included."""

_SEQUENCE = re.compile(
    rb"\x1b\[([0-9;:<=>?]*)[ -/]*([@-~])"  # CSI (ECMA-48, 5.4)
    rb"|\x1b[\]PX^_].*?(?:\x1b\\|\x07|\x9c|$)"  # OSC, DCS, SOS, PM, APC: with their text
    rb"|\x1b[ -/]*[0-~]",  # all others
    re.DOTALL,
)
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|[ -/]*)$")
_TO_OTHER_LINE = frozenset(b"ABEFHJdf")
"""Last bytes of CSI sequences."""
_RIGHT = ord("C")
_BREAKS = re.compile(r"[\r\n\v\f\x85]+")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x9f]")


class Lines:
    """Bytes in any pieces to lines."""

    def __init__(self) -> None:
        self._open = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that have come to their end; empty ones are left out."""
        text = self._open + data
        end = max(text.rfind(b"\n"), text.rfind(b"\r")) + 1
        self._open = text[end:][-TAIL:]
        return plain(text[:end])

    @property
    def unfinished(self) -> list[str]:
        """What stands there without an end yet, as a prompt does."""
        return plain(self._open)


def plain(data: bytes) -> list[str]:
    """The lines that are not empty."""
    cut = _UNFINISHED.sub(b"", data)
    text = _SEQUENCE.sub(_moved, cut).decode(errors="replace").replace("\t", " ")
    lines = (_CONTROLS.sub("", line)[-LINE:] for line in _BREAKS.split(text))
    return [line for line in lines if line]


def _moved(found: re.Match[bytes]) -> bytes:
    last = found[2]
    if not last:
        return b""
    if last[0] in _TO_OTHER_LINE:
        return b"\n"
    return b" " if last[0] == _RIGHT else b""
