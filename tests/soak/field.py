"""The fleet of the crash suite: the real program with its workers, how it is brought up and how each part is killed."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.e2e.fleet import ROOT, Fleet
from tests.e2e.marks import Marked, marked, stat_of

Json = dict[str, Any]

PATIENCE = 60.0
"""Seconds; far more than anything here takes."""
VARIABLE = "TMAX_FAILPOINT"
COUNTS = {"sync": 2, "aio": 2, "pull": 2, "next": 1, "cmd": 1}
"""Group to workers."""
INBOX, OUTBOX = "drop", "news"
ROUTE = ("aio", "next")
"""Each result of the first group is a task of the second."""
DAEMON = "daemon"
LAYOUT = "dedicated"
"""Of the group `pull`."""
RUNNER = "tmaxd/worker/runner"
PROGRAM = str(Path(__file__).with_name("worker.py"))


class Kill(msgspec.Struct, frozen=True, kw_only=True):
    """A process that the suite killed; times as CLOCK_MONOTONIC in ns, before the signal and when it was gone."""

    what: str
    pid: int
    start: int
    before: int
    gone: int


class Field:
    """One fleet, and every death that was dealt in it."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        # A daemon that is installed has its byte code.
        del self.fleet.env["PYTHONDONTWRITEBYTECODE"]
        self.folder = self.fleet.folder
        self.life = 0
        """Counts starts and ends of daemons: nothing happened between two looks that find the same odd number."""
        self.kills: list[Kill] = []
        self.counts = dict(COUNTS)

    # ----------------------------------------------------------------------------------- the spec

    def write(self, **counts: int) -> None:
        self.counts |= counts
        folder, env = str(self.folder), {"PYTHONPATH": str(ROOT)}
        retry = {"attempts": 2, "backoff": {"first": "50ms", "max": "500ms"}}
        common: Json = {"timeout": "2s", "retry": retry}
        ways = {"sync": "sync", "aio": "async", "pull": "sync", "next": "async"}
        groups: dict[str, Json] = {
            name: {"serve": [sys.executable, PROGRAM, way, folder], "env": env, "window": 32}
            for name, way in ways.items()
        }
        groups["pull"]["layout"] = LAYOUT
        job = [sys.executable, "-S", "-E", PROGRAM, "job", folder, "{payload}"]
        groups["cmd"] = {"task": job}
        pipes = {
            "inboxes": {INBOX: {"to": "sync"}},
            "outboxes": {OUTBOX: {"from": ["sync", "next"]}},
            "routes": [{"from": ROUTE[0], "to": ROUTE[1]}],
        }
        self.fleet.write(
            {
                name: {"count": self.counts[name], **common, **group}
                for name, group in groups.items()
            },
            pipes=pipes,
        )

    # --------------------------------------------------------------------------------- the daemon

    def start(self, failpoint: str | None = None) -> subprocess.Popen[bytes]:
        """A daemon, which dies by itself where `failpoint` (`name` or `name:n`) says."""
        env = self.fleet.env
        env.pop(VARIABLE, None)
        if failpoint is not None:
            env[VARIABLE] = failpoint
        self.fleet.daemon = daemon = self.fleet.spawn()
        self.life += 1
        return daemon

    def up(self) -> None:
        """Start a daemon, and wait until it answers."""
        self.start()
        self.fleet.wait_for(self.fleet._answers, "the API answers", PATIENCE)

    def end(self, number: signal.Signals) -> None:
        """End the daemon that runs, if one does."""
        daemon = self.fleet.daemon
        if daemon is None or daemon.poll() is not None:
            return
        before = time.monotonic_ns()
        daemon.send_signal(number)
        assert self.ended(before=before), f"the daemon does not end by {number.name}"

    def ended(self, within: float = PATIENCE, before: int | None = None) -> bool:
        """Wait for the end of the daemon, which dies by itself or was killed at `before`. False: it lives on."""
        daemon = self.fleet.daemon
        assert daemon is not None
        try:
            daemon.wait(within)
        except subprocess.TimeoutExpired:
            return False
        self.life += 1
        self._note(DAEMON, daemon.pid, 0, time.monotonic_ns() if before is None else before)
        return True

    # --------------------------------------------------------------------------- everything else

    def processes(self, what: str) -> list[Marked]:
        """Those alive: `job` (tasks of the `task:` group), `worker` (whatever stands first in a pane with FIFOs)."""
        found = []
        for process in marked(str(self.folder)):
            job = f"{PROGRAM} job" in process.argv
            runner = RUNNER in process.argv
            if {
                "job": job and not runner,
                "worker": runner or (PROGRAM in process.argv and not job),
            }[what]:
                found.append(process)
        return found

    def kill(self, what: str, process: Marked) -> bool:
        """SIGKILL, and wait until it is gone. False: it was gone already."""
        try:
            fd = os.pidfd_open(process.pid)
        except ProcessLookupError:
            return False
        try:
            stat = stat_of(process.pid)
            if stat is None or stat[1] != process.start or stat[0] in "ZX":
                return False
            before = time.monotonic_ns()
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert poll.poll(PATIENCE * 1000), f"{process} does not die"
        finally:
            os.close(fd)
        self._note(what, process.pid, process.start, before)
        return True

    def kill_server(self) -> bool:
        try:
            pid = self.fleet.server_pid()
        except (AssertionError, ValueError):
            return False  # there is none at the moment
        stat = stat_of(pid)
        return stat is not None and self.kill("tmux", Marked(pid, stat[1], "tmux"))

    def _note(self, what: str, pid: int, start: int, before: int) -> None:
        gone = time.monotonic_ns()
        self.kills.append(Kill(what=what, pid=pid, start=start, before=before, gone=gone))

    # ------------------------------------------------------------------------------------- books

    def waiting(self) -> dict[str, int]:
        """Group to tasks that have not ended."""
        groups = self.fleet.status()["groups"]
        states = ("queued", "delayed", "sent", "running")
        return {g["name"]: sum(g[state] for state in states) for g in groups}

    @property
    def inbox(self) -> Path:
        return self.fleet.places.pipes / f"{INBOX}.pipe"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def keep(self, target: Path) -> None:
        """Copy all that may tell what happened: everything but FIFOs and sockets."""
        shutil.copytree(self.folder, target, ignore=lambda *_: ["r"], dirs_exist_ok=True)


def failpoints() -> list[str]:
    """Every name in the code, so that a new one cannot be forgotten here."""
    return sorted(set(_names()))


def _names() -> Iterator[str]:
    for path in sorted((ROOT / "tmaxd").rglob("*.py")):
        yield from re.findall(r'\bfailpoints\.hit\(\s*"([^"]+)"', path.read_text())
