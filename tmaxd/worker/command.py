"""A command as processes: started for a task, with its payload, its environment and a process group of its own;
asked to end in time, then made to."""

from __future__ import annotations

import errno
import os
import signal

from tmaxd.worker.outcome import load
from tmaxd.worker.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

PLACE = b"{payload}"
VARIABLE = 100 * 1024
"""Bytes of the longest payload put into the environment; one string there may have 131,071 (execve(2))."""

GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL."""

KEEP = 3004
"""Bytes of output kept: the tail that may be a result, and the rest of a character before it."""

CHUNK = 65536


class Command:
    """What is run once a task: `argv`, with `{payload}` for the payload."""

    def __init__(self, argv: list[str]) -> None:
        self.argv = argv
        self._parts = [os.fsencode(part) for part in argv]
        self._by_argument = any(PLACE in part for part in self._parts)
        self.environment = _given()
        self._nothing = os.open("/dev/null", os.O_RDONLY | os.O_CLOEXEC)
        # Python ignores these two from its start on, and what is ignored is inherited.
        self._defaults = [signal.SIGPIPE, signal.SIGXFSZ]

    def start(self, task: Task, result_file: str) -> Child:
        """Raises OSError when it cannot be started, and ValueError when its payload cannot be passed on."""
        payload, stdin = self._payload(task)
        try:
            parts = self._parts
            if self._by_argument:
                parts = [part.replace(PLACE, payload or b"") for part in parts]
            environment = self.environment
            environment[b"TMAX_TASK"] = b"%d" % task.id
            environment[b"TMAX_ATTEMPT"] = b"%d" % task.attempt
            environment[b"TMAX_RESULT"] = os.fsencode(result_file)
            if payload is not None and len(payload) <= VARIABLE:
                environment[b"TMAX_PAYLOAD"] = payload
            else:
                environment.pop(b"TMAX_PAYLOAD", None)
            output, end = os.pipe()
            try:
                return Child(self._spawn(parts, stdin, end), output, task.timeout)
            except BaseException:
                os.close(output)
                raise
            finally:
                os.close(end)
        finally:
            if stdin != self._nothing:
                os.close(stdin)

    def _payload(self, task: Task) -> tuple[bytes | None, int]:
        """The payload, None of one that is too long for anything but standard input; and the standard input."""
        if self._by_argument:
            return load(task).payload.encode("utf-8", "replace"), self._nothing
        if task.file is not None:
            stdin = os.open(task.file, os.O_RDONLY | os.O_CLOEXEC)
            short = os.fstat(stdin).st_size <= VARIABLE
            return (os.pread(stdin, VARIABLE, 0) if short else None), stdin
        payload = task.payload.encode("utf-8", "replace")
        stdin, end = os.pipe()
        os.write(
            end, payload
        )  # a frame holds at most 4096 bytes, and a pipe as many at least (pipe(7))
        os.close(end)
        return payload, stdin

    def _spawn(self, parts: list[bytes], stdin: int, stdout: int) -> int:
        """Everything else that is open here is closed on exec."""
        actions = [(os.POSIX_SPAWN_DUP2, stdin, 0), (os.POSIX_SPAWN_DUP2, stdout, 1)]

        def spawn(path: bytes, argv: list[bytes]) -> int:
            return os.posix_spawnp(
                path,
                argv,
                self.environment,
                file_actions=actions,
                setpgroup=0,
                setsigdef=self._defaults,
            )

        try:
            return spawn(parts[0], parts)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
        # A script without its first line: what every shell does with it.
        path = _found(parts[0], self.environment.get(b"PATH", b""))
        return spawn(b"/bin/sh", [b"sh", path, *parts[1:]])


class Child:
    """One task's process, the leader of its group. Times are monotonic."""

    def __init__(self, pid: int, output: int, timeout: float | None) -> None:
        self.pid = pid
        self.pidfd = os.pidfd_open(pid)
        """Readable when the process has ended."""
        self.output = output
        self.silent = False
        """Its output has ended."""
        self.kept = b""
        """The end of what it wrote."""
        self.status = 0
        """Exit status, or minus the signal that ended it."""
        self.why: Literal["timeout", "cancelled"] | None = None
        """Why it was made to end."""
        self._timeout = timeout
        self._deadline: float | None = None
        """When its time is up; then, when it is killed."""

    def patience(self, now: float) -> float | None:
        """Milliseconds until something is due."""
        if self._timeout is not None:  # its time begins with the first look
            self._deadline, self._timeout = now + self._timeout, None
        return None if self._deadline is None else max(self._deadline - now, 0) * 1000 + 1

    def enforce(self, now: float) -> None:
        """Ask a task whose time is up to end; kill one that was asked long enough ago."""
        if self._deadline is None or now < self._deadline:
            return
        if self.why is None:
            self._end("timeout", now)
        else:
            self._deadline = None
            self._signal(signal.SIGKILL)

    def cancel(self, now: float) -> None:
        if self.why is None:
            self._end("cancelled", now)

    def _end(self, why: Literal["timeout", "cancelled"], now: float) -> None:
        self.why = why
        self._deadline, self._timeout = now + GRACE, None
        self.ask_to_end()

    def ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)  # a stopped process takes no SIGTERM

    def _signal(self, number: int) -> None:
        """To the whole group: its number stays taken until its leader is reaped."""
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def read(self) -> bytes:
        """What comes next of its output; empty at the end."""
        data = os.read(self.output, CHUNK)
        if data:
            self.kept = (self.kept + data)[-KEEP:]
        else:
            self.silent = True
        return data

    @property
    def unfinished_line(self) -> bool:
        return bool(self.kept) and not self.kept.endswith(b"\n")

    def reap(self) -> None:
        """It has ended. What it left running in its group ends as well when it was made to."""
        if self.why is not None:
            self._signal(signal.SIGKILL)
        self.status = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])

    def close(self) -> None:
        os.close(self.output)
        os.close(self.pidfd)


def _given() -> dict[bytes, bytes]:
    """The environment that we were started with: Python may have put something into its own (LC_CTYPE)."""
    with open("/proc/self/environ", "rb") as file:
        pairs = [entry.partition(b"=") for entry in file.read().split(b"\0") if b"=" in entry]
    return {name: value for name, _, value in pairs}


def _found(name: bytes, path: bytes) -> bytes:
    if b"/" in name:
        return name
    places = [os.path.join(folder, name) for folder in path.split(b":")]
    return next((place for place in places if os.access(place, os.X_OK)), name)
