"""The port `Outputs` on the files that tmux appends the panes' output to. Links are not followed."""

from __future__ import annotations

import os
from pathlib import Path

from tmaxd.ports import Unknown
from tmaxd.ports.outputs import Mark

_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class LogFiles:
    """`logs/WORKER.log`, and the file before it, where a rotation came between."""

    def __init__(self, folder: Path) -> None:
        self._folder = str(folder)

    def end(self, worker: str) -> Mark:
        try:
            there = os.lstat(f"{self._folder}/{worker}.log")
        except FileNotFoundError:
            return Mark()
        except OSError as error:
            raise Unknown(f"the log of {worker} cannot be looked at: {error.strerror}") from error
        return Mark(there.st_ino, there.st_size)

    def read(self, worker: str, since: Mark, limit: int) -> tuple[bytes, Mark]:
        now = f"{self._folder}/{worker}.log"
        try:
            if since.file and since.file != _inode(now):
                data, mark = _read(f"{now}.1", since.size, limit)
                if mark.file == since.file and data:
                    return data, mark
                since = Mark()
            return _read(now, since.size, limit)
        except OSError as error:
            raise Unknown(f"the log of {worker} cannot be read: {error.strerror}") from error


def _inode(path: str) -> int:
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return 0


def _read(path: str, start: int, limit: int) -> tuple[bytes, Mark]:
    try:
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        return b"", Mark()
    try:
        there = os.fstat(fd)
        if there.st_size < start:  # somebody has emptied it
            start = 0
        data = os.pread(fd, limit, start)
        return data, Mark(there.st_ino, start + len(data))
    finally:
        os.close(fd)
