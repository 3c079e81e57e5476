"""Tasks one after the other in the main thread: what plain functions and the runner of commands have in common.

How the tasks that are held are worked off is `_advance`'s affair; here they are fetched, and cancelled while they wait.
What is said leaves together with what is begun next; nothing is kept back while there is nothing to do.
"""

from __future__ import annotations

import os
import select
import signal

from tmaxd.worker import outcome
from tmaxd.worker.answering import Answering
from tmaxd.worker.frames import Key
from tmaxd.worker.link import Link
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class Serial(Answering):
    SIGNALS: tuple[signal.Signals, ...] = (signal.SIGTERM, signal.SIGINT)
    """They end us."""

    def __init__(self, link: Link, window: int, spool: str, most: int = 0) -> None:
        """`most`: the largest window that it may come to ask for, if that is more."""
        super().__init__(link, max(window, most), spool)
        self._window = window
        self._held: list[Task] = []
        """The next one stands last."""
        self._cancels: list[Key] = []
        """Not looked at yet; the thread appends."""
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._idle = select.poll()
        self._idle.register(link.tasks, select.POLLIN)
        self._idle.register(self._woken, select.POLLIN)
        self._resting = select.poll()
        """While nothing may be read."""
        self._resting.register(self._woken, select.POLLIN)
        link.on_stale = link.on_pause = self._wake
        link.on_cancel = self._cancel

    def run(self) -> None:
        """Until one of SIGNALS, which let the running task finish. Must be called in the main thread."""
        # A signal that comes just before the poll would else be seen only after it. Raises outside the main thread.
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        before = [(n, signal.signal(n, self._stop)) for n in self.SIGNALS]
        self._link.begin(self._window)
        try:
            while not self._stopping:
                if self._cancels:
                    self._heed()
                if self._held:
                    self._advance()
                else:
                    self._fetch()
            self._flush()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before:
                signal.signal(number, handler)

    def _advance(self) -> None:
        """Work off some of the tasks that are held, at least one."""
        raise NotImplementedError

    def _fetch(self) -> None:
        if self._link.stale:
            self._take(self._link.renew())
            self._out.append(self._memory.results())
            return
        if self._link.shared:
            self._flush()  # what is read next is announced as it is read
        tasks = self._link.read()
        if tasks:
            self._take(tasks)
            return
        self._flush()
        for fd, _ in (self._resting if self._link.paused else self._idle).poll():
            if fd == self._woken:
                self._awake()

    def _awake(self) -> None:
        """Something has happened that the main loop is to look at."""
        os.read(self._woken, 512)

    def _take(self, tasks: list[Task]) -> None:
        fresh = self._received(tasks)
        fresh.reverse()
        self._held[:0] = fresh

    # ------------------------------------------------------------------------------- cancellation

    def _cancel(self, key: Key) -> None:
        self._cancels.append(key)
        self._wake()

    def _heed(self, running: Key | None = None) -> bool:
        """End the tasks that were cancelled, if they wait here. Whether the one that runs was."""
        found = False
        while self._cancels:
            key = self._cancels.pop(0)
            if key == running:
                found = True
                continue
            if self._drop(key) or self._memory.knows(key):
                continue
            if not self._link.shared:
                self._take(self._link.read())
            if not self._drop(key) and not self._memory.knows(key):
                self._foreseen.add(key)
        return found

    def _drop(self, key: Key) -> bool:
        """Answer for a task that is held and not begun; false when it is none."""
        for task in self._waiting():
            if task.key == key:
                self._remove(task)
                self._finish(task, outcome.cancelled(key))
                return True
        return False

    def _waiting(self) -> list[Task]:
        return self._held

    def _remove(self, task: Task) -> None:
        self._held.remove(task)

    # ------------------------------------------------------------------------------- signals

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        # Whoever presses Ctrl-C a second time does not want to wait for the handler.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _wake(self) -> None:
        try:
            os.write(self._waker, b"\0")
        except BlockingIOError:
            return  # full of what wakes us as well
