"""What a task's process writes to standard output and standard error: read as it comes, and the end of it kept, of
each and of both together in the order in which it came.

We hold the writing ends as well, so that nobody hangs up: else each task that ends would wake us for each of its pipes
before it wakes us for itself.
"""

from __future__ import annotations

import os

from tmaxd.worker.fifos import CHUNK

KEEP = 3004
"""Bytes that are kept: the tail that may be a result, and the rest of a character before it."""


class Stream:
    """One pipe."""

    __slots__ = ("end", "fd", "kept", "screen")

    def __init__(self, screen: int) -> None:
        self.fd, self.end = os.pipe()
        self.screen = screen
        """Where the pane shows it: the same file descriptor that it is in the task."""
        self.kept = b""
        """The end of what was written there."""

    def close(self) -> None:
        os.close(self.fd)
        os.close(self.end)


class Output:
    """Raises OSError where there are no pipes to be had."""

    __slots__ = ("errors", "kept", "results", "streams")

    def __init__(self) -> None:
        self.results = Stream(1)
        try:
            self.errors = Stream(2)
        except OSError:
            self.results.close()
            raise
        self.streams = {self.results.fd: self.results, self.errors.fd: self.errors}
        self.kept = b""
        """The end of what was written to either."""

    def read(self, stream: Stream) -> bytes:
        """What has come there; only to be called when something has."""
        data = os.read(stream.fd, CHUNK)
        stream.kept = (stream.kept + data)[-KEEP:]
        self.kept = (self.kept + data)[-KEEP:]
        return data

    @property
    def unfinished_line(self) -> bool:
        return bool(self.kept) and not self.kept.endswith(b"\n")

    def close(self) -> None:
        self.results.close()
        self.errors.close()
