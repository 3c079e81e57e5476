"""A command as a probe: run in a session of its own, listened to, and ended with its whole process group.

The group is signalled only while its leader has not been reaped: until then the kernel gives its number to nobody
else. So the end is heard by a pidfd, which tells of a zombie, and the leader is reaped last.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator, Mapping

from tmaxd.ports.probes import TAIL, Answer, Exec

POLL = 0.02
"""Seconds between looks at a command that no pidfd can be had for."""
KILLED_WITHIN = 1.0
"""Seconds that are waited for a killed command. One that is stuck in the kernel is reaped when it comes out."""
_PIECE = 65536


async def ask(question: Exec, env: Mapping[str, str], timeout: float) -> Answer:
    """`env`: what the question's own is laid over."""
    try:
        child = _Child(question, env)
    except (OSError, ValueError) as error:
        return Answer(False, f"cannot be run: {error}")
    try:
        async with asyncio.timeout(timeout):
            await asyncio.shield(child.ended)
    except TimeoutError:
        child.kill()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(KILLED_WITHIN):
                await asyncio.shield(child.ended)
        return Answer(False, f"has not ended within {timeout:g} s, and was killed", child.said())
    except BaseException:
        child.kill()
        raise
    status = child.ended.result()
    return Answer(True) if status == 0 else Answer(False, _how(status), child.said())


def _how(status: int) -> str:
    if status > 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"


@contextlib.contextmanager
def _input(data: bytes) -> Iterator[int]:
    """Memory as a file: unlike a pipe it takes any length at once, and a command that reads nothing hurts nobody."""
    fd = os.memfd_create("stdin") if data else os.open(os.devnull, os.O_RDONLY)
    try:
        if data:
            os.write(fd, data)
            os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


class _Child:
    """A command under way. It reaps itself when it ends, whoever still waits for it."""

    def __init__(self, question: Exec, env: Mapping[str, str]) -> None:
        """Raises OSError or ValueError when it cannot be started. Until it executes the program takes 1 to 2 ms, for
        which the loop waits: a thread for it would cost as much."""
        self._loop = asyncio.get_running_loop()
        self._tail = b""
        self.ended: asyncio.Future[int] = self._loop.create_future()
        """Its exit status, or minus the signal."""
        self._pipe, end = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            os.set_blocking(end, True)
            with _input(question.stdin) as stdin:
                self._process = subprocess.Popen(
                    question.argv,
                    env={**env, **question.env},
                    cwd=question.cwd,
                    stdin=stdin,
                    stdout=end,
                    stderr=end,
                    start_new_session=True,
                )
        except BaseException:
            os.close(self._pipe)
            raise
        finally:
            os.close(end)
        self._loop.add_reader(self._pipe, self._hear)
        self._pidfd = self._watch()

    def _watch(self) -> int | None:
        try:
            pidfd = os.pidfd_open(self._process.pid)
        except OSError:
            self._loop.call_soon(self._poll)
            return None
        self._loop.add_reader(pidfd, self._over)
        return pidfd

    def said(self) -> str:
        """Its last words, whole characters."""
        text = self._tail.decode(errors="ignore" if len(self._tail) == TAIL else "replace")
        return text.strip()

    def kill(self) -> None:
        """It and all processes of its group, unless it is over and reaped."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def _hear(self) -> bool:
        """Take in what has been written. False: there is nothing more at the moment."""
        try:
            data = os.read(self._pipe, _PIECE)
        except BlockingIOError:
            return False
        self._tail = (self._tail + data)[-TAIL:]
        if not data:
            self._loop.remove_reader(self._pipe)
        return bool(data)

    def _poll(self) -> None:
        there = os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if there is None:
            self._loop.call_later(POLL, self._poll)
        else:
            self._over()

    def _over(self) -> None:
        """The leader is a zombie: what it has left in its group goes with it."""
        self.kill()
        for _ in range(TAIL):  # a bound only: whoever wrote is dead
            if not self._hear():
                break
        self._loop.remove_reader(self._pipe)
        os.close(self._pipe)
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        self.ended.set_result(self._process.wait())
