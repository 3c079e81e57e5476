"""A picture drawn over and over in the same place, until q or Ctrl-C; the terminal is then as it was."""

from __future__ import annotations

import os
import select
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tmaxd.ctl.away import Deadline, Late, Steady
from tmaxd.ctl.console import Console, is_terminal, size_of
from tmaxd.ctl.errors import NoDaemon, TimedOut, WrongUsage
from tmaxd.ctl.text import Paint, span

EVERY = 1.0
"""Seconds between two pictures."""

Picture = Callable[[int], list[str]]
"""Columns of the terminal to lines."""


def need_terminal(option: str, instead: str) -> None:
    if not is_terminal(sys.stdout):
        raise WrongUsage(f"{option} draws on a terminal; without one {instead}")


def draw_on(console: Console, picture: Picture, deadline: Deadline) -> None:
    """On standard output, which is a terminal. While the daemon is away, its last picture stays."""
    lasting = _Lasting(picture, console.paint)
    with _keys() as pressed:
        try:
            while True:
                _draw(lasting)
                if deadline.over or pressed(min(EVERY, deadline.left)):
                    break
        except KeyboardInterrupt:
            pass
    console.end_line()


def repeat(each: Callable[[], None], steady: Steady, deadline: Deadline) -> None:
    """Where nothing is drawn: the same rhythm until Ctrl-C or the deadline. Raises TimedOut where there is no daemon
    at the deadline."""
    try:
        while not deadline.over:
            steady.ask(each)
            sys.stdout.flush()
            time.sleep(max(0.0, min(EVERY, deadline.left)))
    except Late as late:
        raise TimedOut("the daemon had not come back when the time was over") from late
    except KeyboardInterrupt:
        return


class _Lasting:
    """The last picture that there was, and above it for how long there has been no other."""

    def __init__(self, picture: Picture, paint: Paint) -> None:
        self._picture = picture
        self._paint = paint
        self._last: list[str] | None = None
        self._seen = 0.0

    def __call__(self, columns: int) -> list[str]:
        try:
            self._last = self._picture(columns)
        except (NoDaemon, TimedOut):
            if self._last is None:
                raise
            gone = span(time.monotonic() - self._seen)
            words = f"the daemon has been away for {gone}; below is what it said last"
            return [self._paint("red", words), *self._last]
        self._seen = time.monotonic()
        return self._last


def _draw(picture: Picture) -> None:
    """Over the last picture, line by line: clearing the screen first would flicker. What is wider than
    the terminal is cut by it (DECAWM off, and on again), so that a line stays one line."""
    columns, height = size_of(sys.stdout)
    lines = picture(columns)
    if len(lines) >= height:
        hidden = len(lines) - height + 2
        lines = [*lines[: height - 2], f"… and {hidden} lines more; the terminal is too small"]
    body = "".join(f"{line}\x1b[K\n" for line in lines)
    sys.stdout.write(f"\x1b[?7l\x1b[H{body}\x1b[J\x1b[?7h")
    sys.stdout.flush()


@contextmanager
def _keys() -> Iterator[Callable[[float], bool]]:
    """Gives a wait of so many seconds that q ends early: True then. Keys are not shown meanwhile."""
    if not is_terminal(sys.stdin):
        yield _no_keys
        return
    import termios

    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    quiet = termios.tcgetattr(file)
    quiet[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(file, termios.TCSADRAIN, quiet)
    try:
        yield lambda seconds: _pressed(file, seconds)
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _no_keys(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def _pressed(file: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    poll = select.poll()
    poll.register(file, select.POLLIN)
    while (left := end - time.monotonic()) > 0:
        if poll.poll(left * 1000):
            keys = os.read(file, 64)
            # Nothing at all: the terminal has gone.
            if not keys or b"q" in keys.lower():
                return True
    return False
