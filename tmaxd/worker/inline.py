"""Tasks one after the other in the main thread: the loop for plain functions.

`started` is written before each handler call, together with the result before it, in one write. A worker
that dies inside a handler has thereby said which task it was: a task that kills its worker is counted each
time, and cannot do so for ever. (The write costs about 1 µs; holding it back would gain nothing.)
"""

from __future__ import annotations

import os
import select
import signal
from collections import deque
from collections.abc import Callable
from types import FrameType

from tmaxd.worker import frames, outcome
from tmaxd.worker.frames import Order
from tmaxd.worker.link import Link
from tmaxd.worker.memory import Memory
from tmaxd.worker.task import Task


class Inline:
    def __init__(
        self, link: Link, handler: Callable[[Task], object], window: int, spool: str
    ) -> None:
        self._link = link
        self._handler = handler
        self._window = window
        self._spool = spool
        self._memory = Memory(window)
        self._held: deque[Order] = deque()
        self._unsent = b""
        self._stopping = False
        self._armed = False
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._idle = select.poll()
        self._idle.register(link.tasks, select.POLLIN)
        self._idle.register(self._woken, select.POLLIN)

    def run(self) -> None:
        """Until SIGTERM or SIGINT, which let the running task finish. Must be called in the main thread."""
        before = [
            (number, signal.signal(number, handler))
            for number, handler in (
                (signal.SIGTERM, self._stop),
                (signal.SIGINT, self._stop),
                (signal.SIGALRM, self._expire),
            )
        ]
        # A signal that comes just before the poll would else be seen only after it.
        signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
        self._link.on_stale = self._wake
        self._link.begin(self._window)
        try:
            self._work()
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in before:
                signal.signal(number, handler)

    def _work(self) -> None:
        while not self._stopping:
            if self._held:
                order = self._held.popleft()
                self._link.send(self._unsent + frames.started(order.key))
                self._unsent = frame = self._perform(order)
                self._memory.finish(order.key, frame)
            else:
                self._fetch()
        self._link.send(self._unsent)

    def _fetch(self) -> None:
        if self._link.stale:
            self._take(self._link.renew())
            self._unsent = self._memory.results()
            return
        orders = self._link.read()
        if orders:
            self._take(orders)
            return
        if self._unsent:
            self._link.send(self._unsent)
            self._unsent = b""
        for fd, _ in self._idle.poll():
            if fd == self._woken:
                os.read(fd, 512)

    def _take(self, orders: list[Order]) -> None:
        fresh, again = self._memory.sort(orders)
        self._held += fresh
        self._unsent += again

    def _perform(self, order: Order) -> bytes:
        try:
            value = self._timed(order)
            return outcome.succeeded(order.key, value, self._spool)
        except outcome.Expired:
            return outcome.expired(order)
        except Exception as error:  # noqa: BLE001  whatever the handler raises is the task's failure
            return outcome.refused(order.key, error, self._stopping)

    def _timed(self, order: Order) -> object:
        if order.timeout is None:
            return self._handler(outcome.begin(order))
        self._armed = True
        signal.setitimer(signal.ITIMER_REAL, order.timeout)
        try:
            return self._handler(outcome.begin(order))
        finally:
            # In this order: an alarm that is already under way must find nothing to interrupt.
            self._armed = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _expire(self, number: int, frame: FrameType | None) -> None:
        if self._armed:
            self._armed = False
            raise outcome.Expired

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True
        # Whoever presses Ctrl-C a second time does not want to wait for the handler.
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def _wake(self) -> None:
        os.write(self._waker, b"\0")
