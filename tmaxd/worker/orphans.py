"""Orphans: what a task has started and what has lost its parent since. The runner adopts them, so that they can be
found when the task is made to end; and buries them, since nobody else does."""

from __future__ import annotations

import os
import signal

from tmaxd.worker.appetite import NEVER

SET_CHILD_SUBREAPER = 36
"""`PR_SET_CHILD_SUBREAPER` of prctl(2)."""

AFTER = 1.0
"""Seconds that a task runs until its orphans are buried as they end, and not when it has ended."""


class Orphans:
    """Told when a task begins and ends; times are monotonic. A task that is quick and leaves nothing behind costs one
    question; only for the others the kernel is asked for a signal whenever a child ends."""

    def __init__(self) -> None:
        self._adopts = False
        self._watches = False
        self.due = NEVER
        """When to call `watch`."""

    def begin(self, now: float) -> None:
        """Raises OSError where the kernel refuses to let us adopt, ImportError where this Python comes without ctypes;
        it is not tried again."""
        self.due = NEVER if self._watches else now + AFTER
        if not self._adopts:
            self._adopts = True
            _adopt()

    def watch(self) -> None:
        """The task takes long."""
        self.due = NEVER
        self._watch(True)

    def bury(self, but: int = 0) -> None:
        """Reap those that have ended, up to the child `but`: its status is for another."""
        try:
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                if ended.si_pid == but:
                    return
                os.waitpid(ended.si_pid, 0)
        except ChildProcessError:
            return

    def end(self) -> None:
        """The task has ended, and is no child any more."""
        try:
            while os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG):
                pass
        except ChildProcessError:
            self._watch(False)
        else:
            self._watch(True)

    def _watch(self, on: bool) -> None:
        """Whether each end of a child wakes us."""
        if on != self._watches:
            self._watches = on
            signal.signal(signal.SIGCHLD, _nothing if on else signal.SIG_DFL)


def _nothing(number: int, frame: object) -> None:
    """That there is a handler is enough for the wakeup fd."""


def _adopt() -> None:
    """From now on orphans become children of this process, whichever session they are in."""
    import ctypes  # 2 ms and 0.5 MB: so only where there is a task

    prctl = ctypes.CDLL(None, use_errno=True).prctl
    nothing = ctypes.c_ulong(0)
    if prctl(SET_CHILD_SUBREAPER, ctypes.c_ulong(1), nothing, nothing, nothing) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
