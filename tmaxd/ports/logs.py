"""The port `Logs`: the files that workers' output and the daemon's own lines were kept in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import msgspec


class LogFile(msgspec.Struct, frozen=True, kw_only=True):
    path: str
    worker: str
    """Empty: the daemon's own."""
    number: int
    """0: the one that is written to; 1: rotated last."""
    compressed: bool
    bytes: int
    at: float
    """Wall time when it was last written to."""
    stamp: int
    """The same in nanoseconds, by which it is known again."""


class Logs(Protocol):
    """`find` and `compress` take long and are called in threads."""

    def find(self) -> list[LogFile]:
        """All there are; links and what else has such a name are left out. Raises OSError."""

    def remove(self, file: LogFile) -> bool:
        """False: it is gone, or was written to since it was found. Raises OSError."""

    def compress(self, file: LogFile, stopped: Callable[[], bool]) -> int:
        """Put the same, packed with gzip, in its place. The bytes that came back; 0 where it is left as it was: it was
        written to meanwhile, `stopped` said so, or packing saves nothing. Raises OSError; it is then as it was."""
