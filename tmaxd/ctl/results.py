"""Results on their way to standard output."""

from __future__ import annotations

import sys

from tmaxd.ctl.console import Console, is_terminal
from tmaxd.ctl.text import clean


def show(console: Console, data: bytes) -> None:
    """Byte for byte; on a terminal with control characters made visible."""
    if is_terminal(sys.stdout):
        console.lines([clean(line) for line in data.decode(errors="replace").split("\n")])
    else:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
