"""The runner of `task:` groups: a command is run once for each task, one at a time, in the pane.

It is a worker like any other (`serial`), whose handler is a process. That is started by posix_spawn(3), which does
not copy this one, so it costs less than a shell's fork; nothing but the task is started. What came of it is
`verdict`'s affair, what it runs in is `command`'s. How many tasks it asks for is `appetite`'s, unless the spec says it;
what waits here while a task turns out to be long is given back, for others to do.
"""

from __future__ import annotations

import os
import select
import signal
import sys
from time import monotonic

from tmaxd.worker import appetite, frames, verdict
from tmaxd.worker.appetite import Appetite
from tmaxd.worker.command import Child, Command
from tmaxd.worker.link import Link
from tmaxd.worker.outcome import spooled
from tmaxd.worker.serial import Serial
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

MARKS = ("▶", "✔", "✘")
PLAIN_MARKS = (">", "+", "!")
LEFT = 32
"""Reads of what a task that has ended left in its pipe: a process that it left behind may write for ever."""


class Runner(Serial):
    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self, link: Link, command: Command, window: int | None, spool: str) -> None:
        """`window`: how many tasks to ask for, whatever they are like."""
        if window is None:
            super().__init__(link, 1, spool, appetite.MOST)
        else:
            super().__init__(link, window, spool)
        self._appetite = Appetite() if window is None else None
        self._command = command
        self._marks = MARKS if _speaks_utf8(command.environment) else PLAIN_MARKS
        self._screen: list[bytes] = []
        """What the pane shows next, so that a task costs one write."""
        self._child: Child | None = None
        self._current: Task | None = None
        self.status = 0
        """The exit status: 128 and the signal that ended us, as a shell's is."""

    def _advance(self) -> None:
        task = self._current = self._held.pop()
        began = monotonic()
        if self._appetite is not None:
            self._appetite.begins(began)
        if not self._link.shared:
            self._out.append(frames.begun([task.key]))
        self._screen.append(f"{self._marks[0]} task {task.id} (attempt {task.attempt})\n".encode())
        self._flush()
        result_file = spooled(task.key, self._spool)
        try:
            child = self._child = self._command.start(task, result_file)
        except (OSError, ValueError) as error:
            said = verdict.not_started(task, error, self._command.argv[0])
        else:
            self._follow(child)
            if self._stopping:
                child.close()
                return
            said = verdict.of(task, child, result_file)
            child.close()
        self._child = self._current = None
        self._finish(task, said.frame)
        ended = monotonic()
        if said.error:
            line = f"{self._marks[2]} failed in {ended - began:.2f} s: {said.error}\n"
        else:
            line = f"{self._marks[1]} done in {ended - began:.2f} s\n"
        self._screen.append(line.encode("utf-8", "replace"))
        if self._appetite is not None:
            self._appetite.ends(ended)
            self._ask_for(self._appetite.window)

    def _follow(self, child: Child) -> None:
        """Until the task's own process has ended; a process that it left behind does not count."""
        output, woken = child.output, self._woken
        poll = select.poll()
        for fd in (output, child.pidfd, woken):
            poll.register(fd, select.POLLIN)
        if self._cancels:
            self._heed()
        while True:
            events = poll.poll(self._patience(child))
            for fd, _ in events:
                if fd == output:
                    _show(child.read())
                    if child.silent:
                        poll.unregister(output)
                elif fd == woken and self._is_stopped(child):
                    return
                elif fd == child.pidfd:
                    self._rest(child)
                    child.reap()
                    return
            now = monotonic()
            child.enforce(now)
            if self._appetite is not None and self._appetite.is_long(now):
                self._make_way(poll)

    def _is_stopped(self, child: Child) -> bool:
        """Somebody wants something while the task runs; perhaps that we end."""
        os.read(self._woken, 512)
        self._heed()
        if self._stopping:
            child.ask_to_end()
        return self._stopping

    def _patience(self, child: Child) -> float | None:
        now = monotonic()
        patience = child.patience(now)
        long_in = None if self._appetite is None else self._appetite.patience(now)
        if patience is None or long_in is None:
            return long_in if patience is None else patience
        return min(patience, long_in)

    def _make_way(self, poll: select.poll) -> None:
        """The task that runs is long: whatever waits behind it, and whatever still comes, is given back."""
        self._ask_for(1)
        if not self._link.shared:  # there nothing is taken that does not begin
            poll.register(self._link.tasks, select.POLLIN)
            while tasks := self._link.read():
                self._take(tasks)
            keys = [task.key for task in reversed(self._held)]
            self._held.clear()
            for key in keys:
                self._memory.finish(key, frames.returned([key]))
            self._out.append(frames.returned(keys))
        self._flush()

    def _ask_for(self, window: int) -> None:
        if window != self._link.window:
            self._link.window = window
            self._out.append(frames.heartbeat(window))

    def _rest(self, child: Child) -> None:
        """What it wrote last, and what is missing for a line."""
        left = 0 if child.silent else LEFT
        poll = select.poll()
        poll.register(child.output, select.POLLIN)
        while left and not child.silent and poll.poll(0):
            _show(child.read())
            left -= 1
        if child.unfinished_line:
            self._screen.append(b"\n")

    def _heed(self) -> None:
        task, child = self._current, self._child
        if task is not None and child is not None and self._is_cancelled(task.key):
            child.cancel(monotonic())
        super()._heed()
        if self._child is not None:
            self._flush()  # nobody waits for the end of this task

    def _flush(self) -> None:
        if self._screen:
            _show(b"".join(self._screen))
            self._screen.clear()
        super()._flush()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        super()._stop(number, frame)
        self.status = 128 + number


def _show(data: bytes) -> None:
    """A pane that is gone is no reason to lose a result."""
    view = memoryview(data)
    try:
        while view:
            try:
                view = view[os.write(1, view) :]
            except BlockingIOError:  # a program has set the terminal so, for everybody
                full = select.poll()
                full.register(1, select.POLLOUT)
                full.poll()
    except OSError:
        return


def _speaks_utf8(environment: dict[bytes, bytes]) -> bool:
    """By the variable that decides (locale(7))."""
    names = (b"LC_ALL", b"LC_CTYPE", b"LANG")
    locale = next((environment[n] for n in names if environment.get(n)), b"")
    return locale.lower().replace(b"-", b"").find(b"utf8") >= 0


def main(argv: list[str]) -> NoReturn:
    """`argv` is the command; the rest stands in the environment, as for every worker."""
    if not argv:
        _leave("no command given; it is started as: runner COMMAND [ARGUMENT…]")
    folder, spool = os.environ.get("TMAX_PIPES"), os.environ.get("TMAX_SPOOL")
    if not folder or not spool:
        _leave(
            "TMAX_PIPES or TMAX_SPOOL is not set; name the command under `task:` in tmax.yaml, and tmaxd starts "
            "this program"
        )
    window = os.environ.get("TMAX_WINDOW", "")
    try:
        link = Link(folder, os.environ.get("TMAX_TASKS") or None)
    except OSError as error:
        _leave(f"a FIFO cannot be opened: {error}")
    # Inherited: a task that reads or sets the terminal gets an error, instead of being stopped for ever.
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    fixed = min(max(int(window), 1), 1024) if window.isdecimal() else None
    runner = Runner(link, Command(argv), fixed, spool)
    runner.run()
    os._exit(runner.status)  # the interpreter's own end takes longer than a task


def _leave(why: str) -> NoReturn:
    sys.stderr.write(f"tmaxd runner: {why}\n")
    raise SystemExit(2)
