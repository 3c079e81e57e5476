"""One task's process, from its start to its end; and, where it is made to end, that of all it has started."""

from __future__ import annotations

import os
import signal
from time import monotonic

from tmaxd.worker.appetite import NEVER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    from tmaxd.worker.frames import Key
    from tmaxd.worker.output import Output
    from tmaxd.worker.tree import Tree


class Child:
    """The leader of a process group. Times are monotonic."""

    def __init__(self, key: Key, pid: int, output: Output, timeout: float | None) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        """Readable when the process has ended."""
        self.output = output
        self.status = 0
        """Exit status, or minus the signal that ended it."""
        self.why: Literal["timeout", "cancelled"] | None = None
        """Why it was made to end."""
        self._has_ended = False
        self._key = key
        self.due = NEVER if timeout is None else monotonic() + timeout
        """When its time is up; or, when it is made to end, when to look what is left of it."""
        self._tree: Tree | None = None
        """What is made to end."""

    def enforce(self, now: float) -> None:
        """Ask a task whose time is up to end."""
        if self._tree is None and now >= self.due:
            self._end("timeout", now)

    def cancel(self, now: float) -> None:
        if self.why is None:
            self._end("cancelled", now)

    def _end(self, why: Literal["timeout", "cancelled"], now: float) -> None:
        from tmaxd.worker import tree

        self.why = why
        self._tree = tree.of_task(self.pid, self._key)
        self._tree.ask_to_end(now)
        self.due = self._tree.next

    def ask_to_end(self) -> None:
        """Only its group: the daemon ends whatever else there is."""
        for number in (signal.SIGTERM, signal.SIGCONT):
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                return

    def ended(self) -> None:
        """The process itself has."""
        self._has_ended = True
        if self._tree is not None:
            self.due = 0.0

    def is_over(self, now: float) -> bool:
        """Nothing more is to be waited for: the process has ended, and where it was made to, all that it started."""
        if self._tree is None or now < self.due:
            return self._tree is None and self._has_ended
        is_gone = self._tree.is_gone(now)
        self.due = self._tree.next
        return is_gone and self._has_ended

    def reap(self) -> None:
        """Until then the number of its group stays taken."""
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        self.output.close()
        os.close(self.pidfd)
