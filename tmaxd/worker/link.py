"""A worker's three FIFOs, and the thread that hears what is said on `control` and says that we are alive.

When the results FIFO is full because nobody reads it, the worker waits, and what it has to say waits with it.
Tasks are read when the worker has none left, not as they come: what it has not read, the daemon can take
back and give to another. The thread needs the interpreter lock now and then; a handler that holds it for
long in C code delays heartbeats.
"""

from __future__ import annotations

import _thread
import os
import select
import sys

from tmaxd.worker import frames, orders
from tmaxd.worker.fifos import Fifo
from tmaxd.worker.frames import LINE_LIMIT, Key, Lines
from tmaxd.worker.orders import Pause, Ping
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BEAT = 10.0
"""Seconds between heartbeats, and between looks whether the FIFOs are still the ones on disk."""


class Link:
    """Opens the FIFOs in `folder`, and instead of its tasks FIFO the one at `shared` where that is given; raises
    OSError where that cannot be done."""

    def __init__(self, folder: str, shared: str | None = None) -> None:
        self._folder = folder
        self.shared = shared is not None
        """Others read the same tasks FIFO: what is read here must be done here, and is said to be begun at once."""
        self._tasks = Fifo(shared or os.path.join(folder, "tasks.pipe"))
        self._control = Fifo(os.path.join(folder, "control.pipe"))
        self._results = Fifo(os.path.join(folder, "results.pipe"))
        self._lines = Lines()
        self._control_lines = Lines()
        self._sending = _thread.allocate_lock()
        self._skipped = 0
        self.window = 1
        """How many tasks heartbeats ask for. Whoever changes it sends a heartbeat after that."""
        self.stale = False
        """Other FIFOs stand on disk than those opened: `renew` has to be called."""
        self.on_stale: Callable[[], object] = lambda: None
        """Called from the thread when `stale` has become true."""
        self.on_cancel: Callable[[Key], object] = lambda key: None
        """Called from the thread: the task must end now."""
        self.announced: list[Key] = []
        """What was said to be begun as it was read, until whoever reads has taken it over."""
        self.holding: Callable[[], list[Key]] = list
        """What is to be named to a daemon that asks by number; called from the thread."""
        self.remembered: Callable[[], bytes] = bytes
        """The frames of what was answered not long ago; called from the thread."""
        self.paused = False
        """Nothing is to be read from a FIFO that others read as well."""
        self.on_pause: Callable[[], object] = lambda: None
        """Called from the thread when `paused` has changed."""

    @property
    def tasks(self) -> int:
        """The file descriptor that becomes readable when tasks have come."""
        return self._tasks.fd

    def send(self, data: bytes) -> None:
        """Whole frames. Returns when they are in the FIFO, however long that takes."""
        with self._sending:
            self._put(data)

    def try_to_send(self, data: bytes) -> bool:
        """False: somebody else is sending, perhaps the code that this call interrupts."""
        if not self._sending.acquire(blocking=False):
            return False
        try:
            self._put(data)
        finally:
            self._sending.release()
        return True

    def _put(self, data: bytes) -> None:
        while not self._results.write(data):
            # Nobody will read what is in the old one; what of it matters is in the worker's memory.
            self._results.reopen()
            self._mark_stale()

    def read(self) -> list[Task]:
        """The tasks that have come, as far as one read gives them; empty when none have."""
        if self.shared:
            return self._read_record()
        data = self._tasks.read()
        return self._understood(self._lines.feed(data)) if data else []

    def _read_record(self) -> list[Task]:
        """One record, and nobody knows yet that it is here: so it is said before the thread can say anything, such as
        that we hold nothing."""
        with self._sending:
            if self.paused:
                return []
            data = self._tasks.record()
            if data and len(data) != LINE_LIMIT:
                self._skip(data)
                return []
            tasks = self._understood(data.split(b"\n"))
            if tasks:
                self.announced = [task.key for task in tasks]
                self._put(frames.begun(self.announced))
        return tasks

    def _understood(self, lines: list[bytes]) -> list[Task]:
        found: list[Task] = []
        for line in lines:
            if not line:
                continue
            tasks = orders.tasks(line)
            if tasks is None:
                self._skip(line)
            else:
                found += tasks
        return found

    def renew(self) -> list[Task]:
        """Change over to the tasks FIFO that stands on disk now; what the old one still held is returned, if it was
        ours alone. The file descriptor keeps its number."""
        last: list[Task] = []
        while not self.shared and (tasks := self.read()):
            last += tasks
        self._lines = Lines()
        if self._tasks.replaced():
            self._tasks.reopen()
        self.stale = False
        return last

    def begin(self, window: int) -> None:
        """Say that tasks may come, and go on saying it."""
        Task.send = self.send
        self.window = window
        self.send(frames.ready(window))
        _thread.start_new_thread(self._beat, ())

    def _beat(self) -> None:
        poll = select.poll()
        poll.register(self._control.fd, select.POLLIN)
        while True:
            number = self._hear() if poll.poll(BEAT * 1000) else None
            try:
                self._check()
            except OSError as error:
                # Tried again with the next heartbeat; until then the old ones are used.
                _say(f"the FIFOs in {self._folder} cannot be opened again: {error}")
            again = b"" if number is None else self._again()
            with self._sending:  # so that no old window is said after a new one
                self._put(again + frames.heartbeat(self.window, number))

    def _again(self) -> bytes:
        """All that whoever asks by number may have missed: what has begun, and, where no task is sent again, what was
        answered."""
        held = (
            self.announced + self.holding()
        )  # first: what is answered meanwhile is among the others
        begun = frames.begun(list(dict.fromkeys(held)))
        return begun + self.remembered() if self.shared else begun

    def _hear(self) -> int | None:
        """A ping asks for nothing but the heartbeat that is sent after anything that is heard; and, if it has a number,
        which is returned, for what is held and was answered to be said once more before."""
        number = None
        for line in self._control_lines.feed(self._control.read()):
            word = orders.control(line)
            if isinstance(word, Ping):
                number = number if word.number is None else word.number
            elif isinstance(word, Pause):
                # One that was meant for a run before this one may still stand here; it matters only where a FIFO is
                # shared, and there whoever is ready is told first how it is now.
                self.paused = word.on and self.shared
                self.on_pause()
            elif word is not None:
                self.on_cancel(word)
            elif line:
                self._skip(line)
        return number

    def _check(self) -> None:
        """A FIFO that was deleted or replaced is made anew by the daemon, and the one we hold leads nowhere.
        Results may be lost with the old one, so all that are remembered go out again."""
        old = [fifo for fifo in (self._tasks, self._control, self._results) if fifo.replaced()]
        if self._control in old:
            self._control.reopen()
            self._control_lines = Lines()
        if self._results in old:
            with self._sending:
                self._results.reopen()
        if old:
            self._mark_stale()

    def _mark_stale(self) -> None:
        if not self.stale:
            self.stale = True
            self.on_stale()

    def _skip(self, line: bytes) -> None:
        self._skipped += 1
        if self._skipped & (self._skipped - 1) == 0:  # the 1st, 2nd, 4th, 8th …: never a flood
            _say(f"skipped a line that is no frame ({self._skipped} so far): {line[:80]!r}")


def _say(text: str) -> None:
    sys.stderr.write(f"tmaxd worker: {text}\n")
    sys.stderr.flush()
