"""Workers without a daemon: real FIFOs, and somebody who keeps them full and is never the slower one."""

from __future__ import annotations

import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tmaxd.tasks.frames import DoneFrame, Frame, LineBuffer, ReadyFrame, ResultsFrame
from tmaxd.tasks.writing import TaskWriter

ROOT = Path(__file__).parents[2]
PAYLOAD = "twelve bytes"


class Worker:
    """One process, its FIFOs, and how many of its tasks are in flight."""

    def __init__(self, folder: str, argv: Sequence[str]) -> None:
        os.mkdir(folder)
        self.tasks, self.control, self.results = (
            _fifo(f"{folder}/{name}.pipe") for name in ("tasks", "control", "results")
        )
        with open(f"{folder}/pane", "wb") as pane:
            self.process = subprocess.Popen(
                argv,
                env={
                    **os.environ,
                    "PYTHONPATH": str(ROOT),
                    "TMAX_PIPES": folder,
                    "TMAX_SPOOL": folder,
                },
                stdin=subprocess.DEVNULL,
                stdout=pane,
                stderr=pane,
                start_new_session=True,
            )
        self.lines = LineBuffer()
        self.in_flight = 0
        self.ready = False

    def hear(self) -> int:
        """How many of its tasks it has done since."""
        done = 0
        for frame in self.lines.feed(os.read(self.results, 65536)):
            self.ready |= isinstance(frame, ReadyFrame)
            done += _done(frame)
        self.in_flight -= done
        return done

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()
        for fd in (self.tasks, self.control, self.results):
            os.close(fd)


class Feed:
    """`count` workers of one program, each with up to `window` tasks in flight."""

    def __init__(
        self, argv: Sequence[str], window: int, count: int = 1, timeout: float | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="tmb-", dir="/tmp")
        self.workers = [Worker(f"{self._folder.name}/{n}", argv) for n in range(count)]
        self._by_fd = {worker.results: worker for worker in self.workers}
        self._window = window
        self._writer = TaskWriter("json", timeout)
        self._next = 100_000  # ids as they are in the long run

    def until_ready(self) -> None:
        while not all(worker.ready for worker in self.workers):
            self._hear()

    def work(self, count: int) -> float:
        """Seconds until so many tasks are done."""
        begun = time.perf_counter()
        left, done = count, 0
        while done < count:
            for worker in self.workers:
                free = min(self._window - worker.in_flight, left)
                if free:
                    self._send(worker, free)
                    left -= free
            done += self._hear()
        return time.perf_counter() - begun

    def _send(self, worker: Worker, count: int) -> None:
        rows = [(self._next + n, 1, PAYLOAD) for n in range(count)]
        self._next += count
        worker.in_flight += count
        for piece in self._writer.batch(rows):
            assert isinstance(piece, bytes)
            os.write(worker.tasks, piece)

    def _hear(self) -> int:
        heard = select.select(list(self._by_fd), [], [], 10)[0]
        if not heard:
            raise TimeoutError("no worker says anything")
        return sum(self._by_fd[fd].hear() for fd in heard)

    def cpu(self) -> float:
        """Seconds that the workers themselves have run, exact to the scheduler's clock (schedstat, proc(5))."""
        total = 0
        for worker in self.workers:
            for stat in Path(f"/proc/{worker.process.pid}/task").glob("*/schedstat"):
                total += int(stat.read_text().split()[0])
        return total / 1e9

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self.workers:
            worker.close()
        self._folder.cleanup()


def _done(frame: Frame) -> int:
    if isinstance(frame, ResultsFrame):
        return len(frame.tasks)
    return int(isinstance(frame, DoneFrame))


def _fifo(path: str) -> int:
    os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR)
