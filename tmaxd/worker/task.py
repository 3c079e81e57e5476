"""What a handler is given, and what it may raise."""

from __future__ import annotations

from time import monotonic

TYPE_CHECKING = False  # typing itself takes 5 ms to import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import ClassVar

PROGRESS_EVERY = 0.1
"""Seconds between two reports of one task: more often than anybody can look."""


class Temporary(Exception):
    """Raised by a handler: it cannot be done now, for a cause that passes. The task is tried again, more
    often than after a plain failure."""


class _Progress:
    """What a task has reported. `unsaid` is the newest report, if it came too soon after the one before."""

    __slots__ = ("next", "unsaid")

    def __init__(self) -> None:
        self.next = 0.0
        """Monotonic time from which on another may be sent."""
        self.unsaid: bytes | None = None


class Task:
    """One attempt at one task."""

    __slots__ = ("_progress", "attempt", "file", "id", "payload", "timeout")

    send: ClassVar[Callable[[bytes], object] | None] = None
    """Where frames go; None outside of a worker, as in the tests of a handler. A process has one worker."""

    def __init__(
        self,
        id: int,
        attempt: int,
        payload: str,
        timeout: float | None = None,
        file: str | None = None,
    ) -> None:
        self.id = id
        """Unique in the fleet, and the same for each attempt: the key to make work repeatable safely."""
        self.attempt = attempt
        """1 for the first."""
        self.payload = payload
        self.timeout = timeout
        """Seconds that the handler may take; None for no limit."""
        self.file = file
        """Where a payload came from that was too long for a frame; the file is gone when the task is over."""
        self._progress: _Progress | bool | None = None

    @property
    def key(self) -> tuple[int, int]:
        return (self.id, self.attempt)

    def progress(self, done: float, total: float | None = None, note: str = "") -> None:
        """Report how far the task is, in a unit of your own: `tmaxctl task` shows it.

        At most ten reports a second are sent; of those between, the newest follows with the result, or with the next
        one that is sent. Callable from any thread; without effect when the task is over. Raises ValueError for a
        number that is not finite."""
        state = self._progress
        if state is None:
            state = self._progress = _Progress()
        elif isinstance(state, bool):
            return
        from tmaxd.worker import (
            frames,
        )  # it takes json to import, and a program may never come here

        frame = frames.progress((self.id, self.attempt), done, total, note)
        now = monotonic()
        if now < state.next:
            state.unsaid = frame
            return
        state.next = now + PROGRESS_EVERY
        state.unsaid = None
        if Task.send is not None:
            Task.send(frame)

    def close(self) -> bytes:
        """The task is over: what was not said yet of its progress, to be sent before the result."""
        state, self._progress = self._progress, True
        return b"" if state is None or isinstance(state, bool) else state.unsaid or b""

    def __repr__(self) -> str:
        return f"Task(id={self.id}, attempt={self.attempt}, payload={self.payload[:40]!r})"
