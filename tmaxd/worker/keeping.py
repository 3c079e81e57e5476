"""Results that wait for room: the work is done and must not be lost because the disk is full for a while."""

from __future__ import annotations

import errno
import os
import sys

from tmaxd.worker import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from tmaxd.worker.frames import Key

RETRY = 1.0
"""Seconds between two tries."""

PASSING = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Somebody will make room, or make the file system writable again. Whatever else is wrong stays wrong."""


class Kept:
    """A result that could not be written as a file yet."""

    def __init__(self, key: Key, path: str, data: bytes) -> None:
        self._key = key
        self._path = path
        self._data = data
        self._error = OSError()
        self.is_hopeless = False
        """The cause is not one that passes."""
        self._said = 0

    def write(self) -> bytes | None:
        """The frame that names the file; None when it cannot be written now, which is said when it is new."""
        try:
            write_whole(self._path, self._data)
        except OSError as error:
            self.is_hopeless = error.errno not in PASSING
            self._error = error
            if error.errno != self._said and not self.is_hopeless:
                self._said = error.errno or 0
                self._say(f"{self._why()}; tried again every second until it can")
            return None
        if self._said:
            self._say(f"the result of task {self._key[0]} is written now")
        return frames.done_file(self._key, self._path)

    def given_up(self) -> bytes:
        """The frame of a task whose result is lost: when the worker stops, it is worth another try."""
        outcome = "failed" if self.is_hopeless else "temporary"
        self._say(self._why())
        return frames.failed(self._key, outcome, f"{self._why()}; the result is lost")

    def _why(self) -> str:
        size, why = len(self._data), self._error.strerror
        return f"the result of task {self._key[0]} ({size} bytes) cannot be written to {self._path}: {why}"

    def _say(self, text: str) -> None:
        sys.stderr.write(f"tmaxd worker: {text}\n")
        sys.stderr.flush()


def write_whole(path: str, data: bytes) -> None:
    """Whole or not at all under its name: a reader never sees half a result."""
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
        os.rename(temporary, path)
    except OSError:
        remove(temporary)
        raise


def remove(path: str) -> None:
    """If it can be."""
    try:
        os.unlink(path)
    except OSError:
        return
