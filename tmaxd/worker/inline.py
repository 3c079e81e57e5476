"""Tasks one after the other in the main thread: the loop for plain functions.

Tasks are begun in chunks: a chunk is announced before the first handler call of it, and its results leave in
one write. A chunk is one task until whole chunks turn out to take no time, grows while they do, and is one
task again as soon as one takes longer. So a worker that dies inside a handler has said which task it was, or at most
a chunk of quick ones; and one of those that is tried again is always begun alone, so that a task that kills its
worker costs its neighbours one attempt at most.

One alarm serves three purposes: timeouts, cancellation, and the results of a chunk that has turned slow.
"""

from __future__ import annotations

import _thread
import signal
from time import monotonic

from tmaxd.worker import frames, outcome, tree
from tmaxd.worker.frames import SHORT, Key
from tmaxd.worker.keeping import RETRY, Kept
from tmaxd.worker.link import Link
from tmaxd.worker.outcome import Cancelled, Expired, Interrupted
from tmaxd.worker.serial import Serial
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from tmaxd.worker.tree import Tree

MOST = 64
"""Tasks in a chunk: beyond that nothing is gained any more."""

QUICK = 0.001
"""Seconds that a chunk may take if the next one is to be larger."""

LATE = 0.01
"""Seconds after which the results that a chunk has are sent without waiting for the rest of it."""

SOON = 0.001
"""Seconds until the alarm looks again when it came between two tasks."""


class Inline(Serial):
    def __init__(
        self, link: Link, handler: Callable[[Task], object], window: int, spool: str
    ) -> None:
        super().__init__(link, window, spool)
        self._handler = handler
        self._size = 1
        self._chunk: list[Task] = []
        """What was announced and has not begun; the next one stands last."""
        self._busy = False
        """A chunk is under way."""
        self._main = _thread.get_ident()
        self._current: Task | None = None
        """The task whose handler runs: only then may it be interrupted."""
        self._began = 0.0
        """Of the current task, monotonic; likewise its deadline."""
        self._deadline: float | None = None
        self._before = tree.children()
        """What the program had started before it takes tasks: no task's."""
        self._left: tuple[Key, Tree] | None = None
        """A task that was interrupted, and what it had started."""

    def run(self) -> None:
        before = signal.signal(signal.SIGALRM, self._on_alarm)
        try:
            super().run()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    # ------------------------------------------------------------------------------- the work

    def _advance(self) -> None:
        chunk = self._chunk = self._next_chunk()
        size = len(chunk)
        if not self._link.shared:
            self._out.append(frames.begun([(t.id, t.attempt) for t in reversed(chunk)]))
        self._flush()
        self._busy = True
        # A timeout is at least that long, mostly much longer: `_on_alarm` sees what there is to do.
        timeout = chunk[-1].timeout
        signal.setitimer(signal.ITIMER_REAL, LATE if size > 1 else timeout or 0)
        if self._cancels:  # the alarm of that one may have come before `_busy` was set
            signal.setitimer(signal.ITIMER_REAL, SOON)
        began = monotonic()
        self._perform(chunk, began)
        self._busy = False
        self._held += chunk  # what is left of one that turned slow; it is announced once more
        took = monotonic() - began
        if took > 2 * QUICK:
            self._size = 1
        elif took > QUICK:
            self._size = max(self._size // 2, 1)
        elif self._size == size < MOST:
            self._size *= 2

    def _next_chunk(self) -> list[Task]:
        """The next one stands last, as in `_held`."""
        held = self._held
        size = min(self._size, len(held))
        if self._link.shared:
            size = len(held)  # nobody knows yet that it is here
        elif size > 1:
            # A task that is tried again may be what killed its worker.
            again = next((n for n in range(size) if held[-1 - n].attempt > 1), size)
            size = max(again, 1)
        chunk = held[-size:]
        del held[-size:]
        return chunk

    def _perform(self, chunk: list[Task], now: float) -> None:
        """Until the chunk is empty or turns slow."""
        handler, done, memory = self._handler, self._done, self._memory
        slow = now + QUICK
        while chunk:
            task = chunk.pop()
            key = (task.id, task.attempt)
            try:
                try:
                    if task.timeout is not None:
                        self._deadline = now + task.timeout
                    self._began = now
                    self._current = task
                    value = handler(task if task.file is None else outcome.load(task))
                finally:
                    self._current = self._deadline = None
                if type(value) is str and len(value) <= SHORT and task._progress is None:
                    result = (*key, value)
                    memory.newer[key] = result
                    done.append(result)
                else:
                    self._answer(task, value)
                task._progress = True
            except (Exception, Interrupted) as error:  # noqa: BLE001  whatever it raises is the task's failure
                if self._left is not None:
                    self._clear(task, self._left)
                self._finish(task, outcome.ended(task, error, self._stopping))
            now = monotonic()
            if now > slow or self._stopping:
                break

    def _answer(self, task: Task, value: object) -> None:
        """Any value, of a task that may have reported progress."""
        answer = outcome.succeeded(task.key, value, self._spool)
        self._finish(task, self._written(task, answer) if isinstance(answer, Kept) else answer)

    def _written(self, task: Task, kept: Kept) -> bytes:
        """The result as a file, however long that takes."""
        while (frame := kept.write()) is None:
            if kept.is_hopeless or self._stopping:
                return kept.given_up()
            if self._pause(task, RETRY):
                return outcome.cancelled(task.key)
        return frame

    def _clear(self, task: Task, interrupted: tuple[Key, Tree]) -> None:
        """End what the handler of an interrupted task has started, and has not ended itself."""
        self._left = None
        key, left = interrupted
        if key != task.key:
            return  # that one was done all the same
        left.ask_to_end(monotonic())
        while not left.is_gone(now := monotonic()) and not self._stopping:
            self._pause(task, left.next - now)

    def _pause(self, task: Task, seconds: float) -> bool:
        """Others do not wait for this task: what there is to say is said, and heeded. Whether it was cancelled."""
        self._flush()
        self._busy = False
        if self._resting.poll(seconds * 1000):
            self._awake()
        cancelled = self._heed(task.key)
        self._flush()
        self._busy = True
        return cancelled

    # ------------------------------------------------------------------------------- the alarm

    def _on_alarm(self, number: int, frame: FrameType | None) -> None:
        """Runs in the main thread, between two instructions of the handler, or of our own code: then not now."""
        task = self._current
        if task is None:
            if self._busy:
                signal.setitimer(signal.ITIMER_REAL, SOON)
            return
        self._current = None  # what follows must not be interrupted by another alarm
        cancelled = bool(self._cancels) and self._heed(task.key)
        sent = self._send_now() if self._out or self._done else True
        left = None if self._deadline is None else self._deadline - monotonic()
        if cancelled or (left is not None and left <= 0):
            self._deadline = None
            self._left = (task.key, tree.since(self._began, self._before))
            raise Cancelled if cancelled else Expired
        self._current = task
        if not sent:
            left = LATE if left is None else min(left, LATE)
        if left is not None:
            signal.setitimer(signal.ITIMER_REAL, max(left, SOON))
        if self._cancels:  # one that came meanwhile: its own alarm found us here
            signal.setitimer(signal.ITIMER_REAL, SOON)

    def _send_now(self) -> bool:
        """False: the handler is amid a report of its progress, whose frame must stay whole."""
        if not self._link.try_to_send(self._pending()):
            return False
        self._out.clear()
        self._done.clear()
        return True

    def _cancel(self, key: Key) -> None:
        super()._cancel(key)
        signal.pthread_kill(self._main, signal.SIGALRM)
        # One that comes just before the handler goes to sleep in C is not seen before it wakes up: so one more.
        signal.setitimer(signal.ITIMER_REAL, LATE)

    def _waiting(self) -> list[Task]:
        return self._held + self._chunk

    def _remove(self, task: Task) -> None:
        (self._chunk if task in self._chunk else self._held).remove(task)
