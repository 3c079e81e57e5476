"""A FIFO that programs write their pid to as soon as they run: the moment at which something has started."""

from __future__ import annotations

import os
import select
import time
from pathlib import Path


class Bell:
    def __init__(self, folder: Path) -> None:
        self.path = folder / "bell"
        os.mkfifo(self.path)
        # Read-write, so that a program never waits in open and there is no end-of-file.
        self._fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)
        self._rest = b""
        program = folder / "ring.sh"
        program.write_text(f"echo $$ > {self.path}\nexec sleep 1000000\n")
        self.argv = ["sh", str(program)]
        """A program that rings and then does nothing."""

    def wait(self, count: int, within: float = 60.0) -> tuple[float, list[int]]:
        """When (`time.perf_counter`) the last of the next `count` programs rang, and their pids."""
        pids: list[int] = []
        end = time.perf_counter() + within
        while len(pids) < count:
            left = end - time.perf_counter()
            if left <= 0 or not select.select([self._fd], [], [], left)[0]:
                raise TimeoutError(f"{len(pids)} of {count} programs ran within {within:.0f} s")
            now = time.perf_counter()
            *lines, self._rest = (self._rest + os.read(self._fd, 65536)).split(b"\n")
            pids += [int(line) for line in lines]
        return now, pids

    def forget(self) -> None:
        """What has rung so far is of no interest."""
        while select.select([self._fd], [], [], 0)[0]:
            os.read(self._fd, 65536)
        self._rest = b""

    def close(self) -> None:
        os.close(self._fd)
