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

from tmaxd.worker import frames, verdict
from tmaxd.worker.appetite import MOST, Appetite, Fixed
from tmaxd.worker.child import Child
from tmaxd.worker.command import Command
from tmaxd.worker.given import Given, Unfit
from tmaxd.worker.link import Link
from tmaxd.worker.orphans import Orphans
from tmaxd.worker.outcome import spooled
from tmaxd.worker.pane import Pane, show
from tmaxd.worker.serial import Serial
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import NoReturn

    from tmaxd.worker.output import Output

LEFT = 32
"""Reads of what a task that has ended left in its pipe: a process that it left behind may write for ever."""

AN_HOUR = 3_600_000
"""Milliseconds of the longest wait; poll(2) takes no more than 24 days."""


class Runner(Serial):
    SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

    def __init__(self, link: Link, command: Command, window: int | None, spool: str) -> None:
        """`window`: how many tasks to ask for, whatever they are like."""
        super().__init__(link, window or 1, spool, window or MOST)
        self._appetite = Appetite() if window is None else Fixed(window)
        self._command = command
        self._pane = Pane(command.environment)
        self._child: Child | None = None
        self._current: Task | None = None
        self._orphans = Orphans()
        self.status = 0
        """The exit status: 128 and the signal that ended us, as a shell's is."""

    def _advance(self) -> None:
        task = self._current = self._held.pop()
        began = monotonic()
        self._appetite.begins(began)
        if not self._link.shared:
            self._out.append(frames.begun([task.key]))
        self._pane.begins(task)
        self._flush()
        try:
            self._orphans.begin(began)
        except (OSError, ImportError) as error:
            _warn(f"processes that escape from a task cannot be followed: {error}")
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
        self._pane.ends(ended - began, said.error)
        self._appetite.ends(ended)
        self._ask_for(self._appetite.window)

    def _follow(self, child: Child) -> None:
        """Until the task's own process has ended, or all that it started where it was made to end."""
        streams, woken = child.output.streams, self._woken
        poll = select.poll()
        for fd in (*streams, child.pidfd, woken):
            poll.register(fd, select.POLLIN)
        if self._cancels:
            self._heed_beside(child)
        while True:
            due = min(child.due, self._orphans.due, self._appetite.due)
            events = poll.poll(min(max(due - monotonic(), 0) * 1000 + 1, AN_HOUR))
            for fd, _ in events:
                if fd in streams:
                    show(child.output.read(streams[fd]), streams[fd].screen)
                elif fd == child.pidfd:
                    child.ended()
                    poll.unregister(fd)
                elif fd == woken and self._is_stopped(child):
                    return
            now = monotonic()
            if child.is_over(now):
                self._rest(child.output, poll)
                child.reap()
                self._orphans.end()
                return
            self._keep_time(child, now, poll)

    def _keep_time(self, child: Child, now: float, poll: select.poll) -> None:
        child.enforce(now)
        if now >= self._orphans.due:
            self._orphans.watch()
        if now >= self._appetite.due:
            self._appetite.turns_long()
        if self._appetite.is_long:
            self._make_way(poll)

    def _is_stopped(self, child: Child) -> bool:
        """Somebody wants something while the task runs; perhaps that we end."""
        self._awake()
        self._heed_beside(child)
        if self._stopping:
            child.ask_to_end()
        return self._stopping

    def _awake(self) -> None:
        super()._awake()
        self._orphans.bury(0 if self._child is None else self._child.pid)

    def _make_way(self, poll: select.poll) -> None:
        """The task that runs is long: whatever waits behind it, and whatever still comes, is given back."""
        self._ask_for(self._appetite.window)
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

    def _rest(self, output: Output, poll: select.poll) -> None:
        """What it wrote last, and what is missing for a line."""
        for _ in range(LEFT):
            ready = [output.streams[fd] for fd, _ in poll.poll(0) if fd in output.streams]
            for stream in ready:
                show(output.read(stream), stream.screen)
            if not ready:
                break
        if output.unfinished_line:
            self._pane.end_line()

    def _heed_beside(self, child: Child) -> None:
        """What was said while a task runs."""
        task = self._current
        if task is not None and self._heed(task.key):
            child.cancel(monotonic())
        self._flush()  # nobody waits for the end of this task

    def _flush(self) -> None:
        self._pane.flush()
        super()._flush()

    def _stop(self, number: int, frame: FrameType | None) -> None:
        super()._stop(number, frame)
        self.status = 128 + number


def main(argv: list[str]) -> NoReturn:
    """`argv` is the command; the rest stands in the environment, as for every worker."""
    if not argv:
        _leave("no command given; it is started as: runner COMMAND [ARGUMENT…]")
    try:
        given = Given()
    except Unfit as error:
        _leave(
            f"{error}; name the command under `task:` in tmax.yaml, and tmaxd starts this program"
        )
    # Inherited: a task that reads or sets the terminal gets an error, instead of being stopped for ever.
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    runner = Runner(given.link, Command(argv), given.window, given.spool)
    runner.run()
    os._exit(runner.status)  # the interpreter's own end takes longer than a task


def _leave(why: str) -> NoReturn:
    _warn(why)
    raise SystemExit(2)


def _warn(text: str) -> None:
    sys.stderr.write(f"tmaxd runner: {text}\n")
    sys.stderr.flush()
