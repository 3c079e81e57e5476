"""One daemon a fleet: an flock(2) on `runtime/lock`, which the kernel lets go when the process ends.

The file names its holder for people and for `Held`; what it says decides nothing. It is never
removed: two daemons could then each hold a lock, on two files of one name.
"""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from tmaxd.ports import Proc, WorldError
from tmaxd.world.procfs import read_stat

_TRIES = 20
_PAUSE = 0.01
"""Seconds between two looks at who holds the lock: he may not have written his name yet."""


class Held(Exception):
    """Another daemon holds the lock. `pid` is None when the holder did not say who he is."""

    def __init__(self, path: Path, pid: int | None) -> None:
        self.path = path
        self.pid = pid
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"{who} already runs this fleet: it holds the lock {path}")


class FleetLock:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Hold the lock until this process ends. Raises `Held`, and WorldError when there can be no lock
        (folder missing, a link in its place). Blocks for up to 0.2 s when somebody else has it."""
        for _ in range(_TRIES):
            fd = self._open()
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                holder = _holder(fd)
                os.close(fd)
                if holder is not None:
                    raise Held(self._path, holder) from None
                time.sleep(_PAUSE)
                continue
            if self._still_there(fd):
                self._fd = fd
                _sign(fd)
                return
            os.close(fd)  # removed and made anew between open and flock: this lock holds nothing
        raise Held(self._path, None)

    def release(self) -> None:
        """For tests and for a daemon that ends in good order; the process's end does the same."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _open(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            return os.open(self._path, flags, 0o600)
        except OSError as error:
            raise WorldError(f"the lock {self._path} cannot be opened: {error.strerror}") from error

    def _still_there(self, fd: int) -> bool:
        try:
            there = os.lstat(self._path)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(fd))


def _sign(fd: int) -> None:
    """`PID START`; the start time tells a living holder from a number left by an earlier one."""
    ours = read_stat(os.getpid())
    text = f"{os.getpid()} {ours.start if ours else 0}\n".encode()
    os.truncate(fd, 0)
    os.pwrite(fd, text, 0)


def _holder(fd: int) -> int | None:
    """Who signed, if he lives."""
    try:
        pid, start = (int(word) for word in os.pread(fd, 64, 0).split())
    except ValueError:
        return None
    there = read_stat(pid)
    return pid if there is not None and Proc(pid, start) == Proc(there.pid, there.start) else None
