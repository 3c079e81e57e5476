"""What the pane of a runner shows: the output of its tasks as it comes, and a line of our own before and after each."""

from __future__ import annotations

import os
import select

from tmaxd.worker.task import Task

MARKS = ("▶", "✔", "✘")
PLAIN_MARKS = (">", "+", "!")


class Pane:
    """Our own lines are kept until `flush`, so that a task costs one write."""

    def __init__(self, environment: dict[bytes, bytes]) -> None:
        self._marks = MARKS if _speaks_utf8(environment) else PLAIN_MARKS
        self._next: list[bytes] = []

    def begins(self, task: Task) -> None:
        self._next.append(f"{self._marks[0]} task {task.id} (attempt {task.attempt})\n".encode())

    def ends(self, seconds: float, error: str) -> None:
        """`error`: one line, empty when the task is done."""
        if error:
            line = f"{self._marks[2]} failed in {seconds:.2f} s: {error}\n"
        else:
            line = f"{self._marks[1]} done in {seconds:.2f} s\n"
        self._next.append(line.encode("utf-8", "replace"))

    def end_line(self) -> None:
        """A task has written a line that does not end."""
        self._next.append(b"\n")

    def flush(self) -> None:
        if self._next:
            show(b"".join(self._next), 1)
            self._next.clear()


def show(data: bytes, screen: int) -> None:
    """To file descriptor `screen`. A pane that is gone is no reason to lose a result."""
    view = memoryview(data)
    try:
        while view:
            try:
                view = view[os.write(screen, view) :]
            except BlockingIOError:  # a program has set the terminal so, for everybody
                full = select.poll()
                full.register(screen, select.POLLOUT)
                full.poll()
    except OSError:
        return


def _speaks_utf8(environment: dict[bytes, bytes]) -> bool:
    """By the variable that decides (locale(7))."""
    names = (b"LC_ALL", b"LC_CTYPE", b"LANG")
    locale = next((environment[n] for n in names if environment.get(n)), b"")
    return locale.lower().replace(b"-", b"").find(b"utf8") >= 0
