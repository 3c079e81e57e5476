"""The port `Outputs`: what workers write to their terminals, as far as it has come to their logs."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Mark(msgspec.Struct, frozen=True):
    """A place in a worker's log that stays the same place when the log is rotated."""

    file: int = 0
    """The file's inode; 0: there was no file yet."""
    size: int = 0
    """Bytes before it."""


BEGINNING = Mark()
"""Of a log that did not exist yet."""


class Outputs(Protocol):
    """Both calls raise `Unknown` where the log cannot be read. A log that does not exist is an empty one."""

    def end(self, worker: str) -> Mark:
        """Where the log ends now. It is another mark as soon as something has been written."""

    def read(self, worker: str, since: Mark, limit: int) -> tuple[bytes, Mark]:
        """At most `limit` bytes from that place on, and where they end. Where the place is gone, with the file that
        it was in, from the beginning of what is there."""
