"""One end of a FIFO: opened read-write (fifo(7), Linux), compared with what stands on disk, and opened anew.

Read-write means that nothing blocks in open, nothing is lost while no daemon runs, and there is no end of file.
"""

from __future__ import annotations

import os
import select
import stat

from tmaxd.worker.frames import LINE_LIMIT

CHUNK = 65536
"""Bytes a read or write: what a Linux pipe holds by default (pipe(7))."""

LOOK_EVERY = 1.0
"""Seconds between looks whether a full FIFO is still the one that somebody will read."""


class Fifo:
    """Opens the FIFO at `path` without ever blocking on it; raises OSError where that cannot be done."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = _open(path)

    def read(self) -> bytes:
        """What is there, up to CHUNK bytes; empty when nothing is."""
        try:
            return os.read(self.fd, CHUNK)
        except BlockingIOError:
            return b""

    def record(self) -> bytes:
        """One record of a FIFO that others read as well; empty when there is none. A read of a pipe is done under the
        pipe's lock (pipe_read in the kernel's fs/pipe.c), so that whoever asks for a whole record gets one."""
        try:
            return os.read(self.fd, LINE_LIMIT)
        except BlockingIOError:
            return b""

    def write(self, data: bytes) -> bool:
        """Returns when all of it is in the FIFO, however long that takes. False: the FIFO was full and another one
        stands in its place, so that nobody will ever read this one."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view[:CHUNK]) :]
            except BlockingIOError:
                if self.replaced():
                    return False
                full = select.poll()
                full.register(self.fd, select.POLLOUT)
                full.poll(LOOK_EVERY * 1000)
        return True

    def replaced(self) -> bool:
        """Whether another FIFO stands there. Nothing there, or something else, is not our cue: the daemon
        will put that right first."""
        try:
            there = os.stat(self.path)
        except OSError:
            return False
        return stat.S_ISFIFO(there.st_mode) and not os.path.samestat(there, os.fstat(self.fd))

    def reopen(self) -> None:
        """The file descriptor keeps its number."""
        new = _open(self.path)
        os.dup2(new, self.fd, inheritable=False)
        os.close(new)


def _open(path: str) -> int:
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileExistsError(17, "not a FIFO", path)
    return fd
