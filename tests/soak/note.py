"""The ledger: what the workers of the crash suite themselves say they did, in a file that no journal can talk itself
out of.

A note is one write(2) of exactly `SIZE` bytes at the end of a file opened with O_APPEND. `SIZE` divides a page, so no
note ever crosses one and not even SIGKILL can tear it (Linux looks for a fatal signal between pages,
mm/filemap.c, generic_perform_write).

While a task is worked on, its process holds a lock on the byte of `locks` that has the number of the task (fcntl(2)).
The kernel drops it at the process's end, so whoever finds it taken stands beside another that works on the same
task, or beside one that is dying: such a one never writes another note.

Imports next to nothing: each task of a `task:` group is a process that waits for it.
"""

from __future__ import annotations

import fcntl
import os
import struct
import time

SIZE = 64
PATIENCE = 0.25
"""Seconds that a process which was killed may take to let go of its locks."""

KINDS = {"begin": "b", "well": "e", "badly": "f", "taken": "L"}
"""`well` and `badly`: the work is over. `taken`: another process holds the task's lock, which is then waited for."""

_FLOCK = "hhqqi4x"
"""struct flock of Linux on 64 bits: type, whence, start, length, pid."""


class Notes:
    """Opens the ledger and the locks in `folder`. One an process: closing any descriptor of a file drops all locks
    that the process has on it."""

    def __init__(self, folder: str) -> None:
        flags = os.O_CREAT | os.O_CLOEXEC
        self._ledger = os.open(f"{folder}/ledger", flags | os.O_WRONLY | os.O_APPEND, 0o600)
        self._locks = os.open(f"{folder}/locks", flags | os.O_RDWR, 0o600)
        self.pid = os.getpid()
        self._start = _start_of(self.pid)

    def begin(self, task: int, attempt: int) -> None:
        """The last thing before the work."""
        if not self._locked(task):
            self._write("taken", task, attempt, self._holder(task))
            end = time.monotonic() + PATIENCE
            while not self._locked(task) and time.monotonic() < end:
                time.sleep(0.001)
        self._write("begin", task, attempt)

    def end(self, task: int, attempt: int, well: bool) -> None:
        """The first thing after the work."""
        self._write("well" if well else "badly", task, attempt)
        fcntl.lockf(self._locks, fcntl.LOCK_UN, 1, task)

    def _locked(self, task: int) -> bool:
        try:
            fcntl.lockf(self._locks, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, task)
        except OSError:
            return False
        return True

    def _holder(self, task: int) -> int:
        asked = struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, task, 1, 0)
        answer = struct.unpack(_FLOCK, fcntl.fcntl(self._locks, fcntl.F_GETLK, asked))
        return int(answer[4])

    def _write(self, kind: str, task: int, attempt: int, other: int = 0) -> None:
        line = b"%b %9d %3d %7d %11d %18d %7d" % (
            KINDS[kind].encode(),
            task,
            attempt,
            self.pid,
            self._start,
            time.monotonic_ns(),
            other,
        )
        os.write(self._ledger, line.ljust(SIZE - 1) + b"\n")


def _start_of(pid: int) -> int:
    """Clock ticks from boot to the process's start (proc(5)): with the pid it names a process for good."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        return int(file.read().rpartition(b")")[2].split()[19])
