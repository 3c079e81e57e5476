"""A worker's three FIFOs, and the thread that says it is alive.

Each FIFO is opened read-write (fifo(7), Linux): nothing blocks in open, nothing is lost while no daemon
runs, and there is no end of file. Results are written with blocking writes: when the pipe is full because
nobody reads, the worker waits, and what it has to say waits with it.

Tasks are read when the worker has none left, not as they come: what it has not read, the daemon can take
back and give to another. The thread needs the interpreter lock now and then; a handler that holds it for
long in C code delays heartbeats.
"""

from __future__ import annotations

import os
import select
import stat
import sys
import threading
from collections.abc import Callable

from tmaxd.worker import frames
from tmaxd.worker.frames import Lines, Order

BEAT = 10.0
"""Seconds between heartbeats, and between looks whether the FIFOs are still the ones on disk."""

CHUNK = 65536
"""Bytes a read or write: what a Linux pipe holds by default (pipe(7))."""


class Link:
    """Opens the FIFOs in `folder`; raises OSError where that cannot be done."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self.tasks = _open(folder, "tasks", os.O_NONBLOCK)
        self._control = _open(folder, "control", os.O_NONBLOCK)
        self._results = _open(folder, "results", 0)
        self._lines = Lines()
        self._control_lines = Lines()
        self._sending = threading.Lock()
        self._skipped = 0
        self.stale = False
        """Other FIFOs stand on disk than those opened: `renew` has to be called."""
        self.on_stale: Callable[[], object] = lambda: None
        """Called from the thread when `stale` has become true."""

    def send(self, data: bytes) -> None:
        """Whole frames. Returns when they are in the FIFO, however long that takes."""
        with self._sending:
            view = memoryview(data)
            while view:
                view = view[os.write(self._results, view[:CHUNK]) :]

    def read(self) -> list[Order]:
        """The tasks that have come, as far as one read gives them; empty when none have."""
        try:
            lines = self._lines.feed(os.read(self.tasks, CHUNK))
        except BlockingIOError:
            return []
        orders = []
        for line in lines:
            order = frames.order(line)
            if order is not None:
                orders.append(order)
            elif line:
                self._skip(line)
        return orders

    def renew(self) -> list[Order]:
        """Change over to the tasks FIFO that stands on disk now; what the old one still held is returned.
        The file descriptor keeps its number."""
        last = []
        while orders := self.read():
            last += orders
        self._lines = Lines()
        if _replaced(self._folder, "tasks", self.tasks):
            _reopen(self._folder, "tasks", os.O_NONBLOCK, self.tasks)
        self.stale = False
        return last

    def begin(self, window: int) -> None:
        """Say that tasks may come, and go on saying it."""
        self.send(frames.ready(window))
        threading.Thread(
            target=self._beat, args=(frames.heartbeat(window),), name="tmaxd-heartbeat", daemon=True
        ).start()

    def _beat(self, heartbeat: bytes) -> None:
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        while True:
            if poll.poll(BEAT * 1000):
                self._hear()
            try:
                self._check()
            except OSError as error:
                # Tried again with the next heartbeat; until then the old ones are used.
                _say(f"the FIFOs in {self._folder} cannot be opened again: {error}")
            self.send(heartbeat)

    def _hear(self) -> None:
        """A ping asks for nothing but the heartbeat that is sent after any control frame."""
        try:
            lines = self._control_lines.feed(os.read(self._control, CHUNK))
        except BlockingIOError:
            return
        for line in lines:
            if line and not frames.is_ping(line):
                self._skip(line)

    def _check(self) -> None:
        """A FIFO that was deleted or replaced is made anew by the daemon, and the one we hold leads nowhere.
        Results may be lost with the old one, so all that are remembered go out again."""
        old = [
            name
            for name, fd in (
                ("tasks", self.tasks),
                ("control", self._control),
                ("results", self._results),
            )
            if _replaced(self._folder, name, fd)
        ]
        if not old:
            return
        if "control" in old:
            _reopen(self._folder, "control", os.O_NONBLOCK, self._control)
            self._control_lines = Lines()
        if "results" in old:
            with self._sending:
                _reopen(self._folder, "results", 0, self._results)
        if not self.stale:
            self.stale = True
            self.on_stale()

    def _skip(self, line: bytes) -> None:
        self._skipped += 1
        if self._skipped & (self._skipped - 1) == 0:  # the 1st, 2nd, 4th, 8th …: never a flood
            _say(f"skipped a line that is no frame ({self._skipped} so far): {line[:80]!r}")


def _path(folder: str, name: str) -> str:
    return os.path.join(folder, f"{name}.pipe")


def _open(folder: str, name: str, flags: int) -> int:
    path = _path(folder, name)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | flags)
    if not stat.S_ISFIFO(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileExistsError(17, "not a FIFO", path)
    return fd


def _replaced(folder: str, name: str, fd: int) -> bool:
    """Whether another FIFO stands there. Nothing there, or something else, is not our cue: the daemon
    will put that right first."""
    try:
        there = os.stat(_path(folder, name))
    except OSError:
        return False
    held = os.fstat(fd)
    return stat.S_ISFIFO(there.st_mode) and not os.path.samestat(there, held)


def _reopen(folder: str, name: str, flags: int, fd: int) -> None:
    new = _open(folder, name, flags)
    os.dup2(new, fd, inheritable=False)
    os.close(new)


def _say(text: str) -> None:
    sys.stderr.write(f"tmaxd worker: {text}\n")
    sys.stderr.flush()
