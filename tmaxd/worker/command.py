"""A command: started once for each task, with its payload, its environment, two pipes for what it writes, and a process
group of its own. What becomes of the process then is `child`'s affair."""

from __future__ import annotations

import errno
import os
import signal

from tmaxd.worker.child import Child
from tmaxd.worker.outcome import load
from tmaxd.worker.output import Output
from tmaxd.worker.task import Task

NOTHING = 0
"""The file descriptor from which nothing is to be read: our own standard input."""

PLACE = b"{payload}"
VARIABLE = 100 * 1024
"""Bytes of the longest payload put into the environment; one string there may have 131,071 (execve(2))."""


class Command:
    """What is run once a task: `argv`, with `{payload}` for the payload."""

    def __init__(self, argv: list[str]) -> None:
        self.argv = argv
        self._parts = [os.fsencode(part) for part in argv]
        self._by_argument = any(PLACE in part for part in self._parts)
        self.environment = _given()
        # Our own standard input becomes what a task's is: so it need not be put in place for each.
        nothing = os.open("/dev/null", os.O_RDONLY)
        os.dup2(nothing, NOTHING)
        os.close(nothing)
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
            return self._in_pipes(task, parts, stdin)
        finally:
            if stdin != NOTHING:
                os.close(stdin)

    def _in_pipes(self, task: Task, parts: list[bytes], stdin: int) -> Child:
        output = Output()
        try:
            pid = self._spawn(parts, stdin, output.results.end, output.errors.end)
            return Child(task.key, pid, output, task.timeout)
        except BaseException:
            output.close()
            raise

    def _payload(self, task: Task) -> tuple[bytes | None, int]:
        """The payload, None of one that is too long for anything but standard input; and the standard input."""
        if self._by_argument:
            return load(task).payload.encode("utf-8", "replace"), NOTHING
        if task.file is not None:
            stdin = os.open(task.file, os.O_RDONLY | os.O_CLOEXEC)
            short = os.fstat(stdin).st_size <= VARIABLE
            return (os.pread(stdin, VARIABLE, 0) if short else None), stdin
        payload = task.payload.encode("utf-8", "replace")
        stdin, end = os.pipe()
        # A frame holds at most 4096 bytes, and a pipe as many at least (pipe(7)).
        os.write(end, payload)
        os.close(end)
        return payload, stdin

    def _spawn(self, parts: list[bytes], *ours: int) -> int:
        """`ours`: what will be its file descriptors 0, 1 and 2. Everything else that is open here is closed on exec."""
        actions = [
            (os.POSIX_SPAWN_DUP2, fd, number) for number, fd in enumerate(ours) if fd != number
        ]

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
