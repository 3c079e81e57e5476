"""The two worlds in which the contract of `Processes` is tried: memory, and this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Literal, Protocol

from tests.waiting import DEADLINE
from tmaxd.ports import Proc, Processes
from tmaxd.testing.processes import FakeProcesses
from tmaxd.world.processes import LinuxProcesses
from tmaxd.world.procfs import read_stat

Kind = Literal["child", "orphan", "orphan that left the session", "child without mark"]


class ProcessesWorld(Protocol):
    processes: Processes

    def leader(self, run: str) -> Proc:
        """A process with the mark, leading its own session."""
        ...

    def descendant(self, leader: Proc, kind: Kind) -> Proc: ...
    def ignore_term(self, leader: Proc) -> None: ...
    def end(self, proc: Proc) -> None:
        """It ends now; a leader stays a zombie."""
        ...

    def close(self) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.fake = FakeProcesses()
        self.processes: Processes = self.fake

    def leader(self, run: str) -> Proc:
        return self.fake.spawn(run=run, new_session=True)

    def descendant(self, leader: Proc, kind: Kind) -> Proc:
        between = self.fake.spawn(parent=leader.pid)
        left = kind == "orphan that left the session"
        proc = self.fake.spawn(parent=between.pid, new_session=left)
        if kind.startswith("orphan"):
            self.fake.exit(between.pid)
        else:
            self.fake.living[proc.pid].parent = leader.pid
            self.fake.exit(between.pid)
        if kind == "child without mark":
            self.fake.forget_mark(proc.pid)
        return proc

    def ignore_term(self, leader: Proc) -> None:
        self.fake.ignore_term(leader.pid)

    def end(self, proc: Proc) -> None:
        self.fake.exit(proc.pid)

    def close(self) -> None:
        assert not self.fake.sent or all(number > 0 for _, number in self.fake.sent)


class RealWorld:
    """Leaders are shells that read what to start from their standard input."""

    def __init__(self) -> None:
        self.linux = LinuxProcesses()
        self.processes: Processes = self.linux
        self._leaders: dict[int, subprocess.Popen[str]] = {}
        self._others: list[Proc] = []

    def leader(self, run: str) -> Proc:
        shell = subprocess.Popen(
            ["sh"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TMAX_RUN": run},
            start_new_session=True,
        )
        self._leaders[shell.pid] = shell
        self._ask(shell.pid, "echo up")  # it executes sh by now, with its own environment
        return self._proc(shell.pid)

    def descendant(self, leader: Proc, kind: Kind) -> Proc:
        sleep = f"{shutil.which('sleep')} 1000 >/dev/null 2>&1"
        script = {
            "child": f"{sleep} & echo $!",
            "orphan": f"({sleep} & echo $!)",
            "orphan that left the session": f"(setsid {sleep} & echo $!)",
            "child without mark": f"env -i {sleep} & echo $!",
        }[kind]
        proc = self._proc(int(self._ask(leader.pid, script)))
        self._others.append(proc)
        # Its program's name shows that it runs, so that session, parent and environment are final.
        _wait(lambda: _name(proc.pid) == "sleep", f"{kind} executes sleep")
        if kind.startswith("orphan"):
            _wait(lambda: _parent(proc.pid) != leader.pid, f"{kind} has lost its parent")
        return proc

    def ignore_term(self, leader: Proc) -> None:
        self._ask(leader.pid, "trap '' TERM; echo done")

    def end(self, proc: Proc) -> None:
        os.kill(proc.pid, signal.SIGKILL)
        _wait(lambda: not _lives(proc.pid), "it has ended")

    def close(self) -> None:
        self.linux.close()
        for proc in self._others:
            stat = read_stat(proc.pid)
            if stat is not None and stat.start == proc.start:
                with suppress(ProcessLookupError):
                    os.kill(proc.pid, signal.SIGKILL)
        for shell in self._leaders.values():
            shell.kill()
            shell.communicate()

    def _ask(self, pid: int, script: str) -> str:
        shell = self._leaders[pid]
        assert shell.stdin is not None
        assert shell.stdout is not None
        shell.stdin.write(script + "\n")
        shell.stdin.flush()
        return shell.stdout.readline().strip()

    def _proc(self, pid: int) -> Proc:
        stat = read_stat(pid)
        assert stat is not None
        return Proc(pid, stat.start)


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _parent(pid: int) -> int:
    stat = read_stat(pid)
    return 0 if stat is None else stat.parent


def _lives(pid: int) -> bool:
    stat = read_stat(pid)
    return stat is not None and stat.alive


def _wait(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.001)
