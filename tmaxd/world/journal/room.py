"""Room in the WAL: a file that has its size already is written in place.

A commit that makes its file longer waits for the file system's own journal too: measured on ext4, with other work on
the disk, 8 ms against 4.5. SQLite writes a WAL from the beginning again after each checkpoint, so only the first
4 MiB of a daemon's life would be slow; on a quiet fleet that is its whole life.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

ROOM = 4 * 1024 * 1024
"""Bytes: about the 1,000 pages after which SQLite begins anew (https://sqlite.org/wal.html)."""


def make(wal: Path) -> None:
    """Zeros behind what the WAL holds. SQLite takes a WAL to end where frames cease to match their checksums. Only
    for the thread that writes, between two transactions. A disk that refuses is no error: it is slower, no more."""
    with suppress(OSError):
        fd = os.open(wal, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            missing = ROOM - os.fstat(fd).st_size
            if missing > 0:
                os.write(fd, bytes(missing))
                os.fdatasync(fd)
        finally:
            os.close(fd)
