"""The fleet of the crash suite: the real program with its workers, how it is brought up and how each part is killed."""

from __future__ import annotations

import contextlib
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.fleet import ROOT, Fleet
from tests.e2e.marks import Marked, marked, stat_of
from tests.soak.disk import Disk
from tests.soak.kill import Kill
from tests.soak.spec import INBOX, OUTBOX, PROGRAM, State, groups_of, pipes
from tmaxd.places import places

PATIENCE = 60.0
"""Seconds; far more than anything here takes."""
VARIABLE = "TMAX_FAILPOINT"
DAEMON = "daemon"
RUNNER = "tmaxd/worker/runner"


class Field:
    """One fleet, and every death that was dealt in it."""

    def __init__(self) -> None:
        self.fleet = Fleet()
        # A daemon that is installed has its byte code.
        del self.fleet.env["PYTHONDONTWRITEBYTECODE"]
        self.folder = self.fleet.folder
        self.disk = Disk()
        if not self.disk.why_not:
            self.fleet.env["TMAX_STATE_DIR"] = str(self.disk.folder)
            self.fleet.places = places("e2e", self.fleet.env)
        self.life = 0
        """Counts starts and ends of daemons: nothing happened between two looks that find the same odd number."""
        self.kills: list[Kill] = []
        self.state = State()
        self.busy: str | None = None
        """The group that shall have work in its queue just now, whatever else is due."""

    # ----------------------------------------------------------------------------------- the spec

    def write(self, state: State) -> None:
        self.state = state
        self.fleet.write(groups_of(state, str(self.folder)), pipes=pipes())

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

    # ----------------------------------------------------------------------------------- the disk

    def refuse_disk(self) -> None:
        """No file that the daemon has may take another byte: each write(2) fails with EFBIG, since
        RLIMIT_FSIZE is 0 (setrlimit(2)); Python ignores the signal. Pipes and sockets are not concerned."""
        assert self.fleet.daemon is not None
        _limit(self.fleet.daemon.pid, 0)

    def relieve_disk(self) -> None:
        """As before, also for what the daemon has started meanwhile."""
        for process in marked(str(self.folder)):
            with contextlib.suppress(ProcessLookupError):
                _limit(process.pid, None)

    def trouble(self) -> str | None:
        """What the daemon says of its journal."""
        found = self.fleet.status()["journal"]["trouble"]
        return None if found is None else str(found)

    def is_full(self) -> bool:
        """The daemon says so, of its journal or of a payload file."""
        status = self.fleet.status()
        said = [status["journal"]["trouble"] or "", *status["problems"]]
        return any("No space left" in text or "is full" in text for text in said)

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
            worker, run = _env_of(process.pid, "TMAX_WORKER"), _env_of(process.pid, "TMAX_RUN")
            before = time.monotonic_ns()
            signal.pidfd_send_signal(fd, signal.SIGKILL)
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            assert poll.poll(PATIENCE * 1000), f"{process} does not die"
        finally:
            os.close(fd)
        self._note(what, process.pid, process.start, before, worker, run)
        return True

    def kill_server(self) -> bool:
        server = self._server()
        return server is not None and self.kill("tmux", server)

    def has_server(self) -> bool:
        return self._server() is not None

    def _server(self) -> Marked | None:
        try:
            pid = self.fleet.server_pid()
        except (AssertionError, ValueError):
            return None  # there is none at the moment
        stat = stat_of(pid)
        return None if stat is None else Marked(pid, stat[1], "tmux")

    def _note(
        self, what: str, pid: int, start: int, before: int, worker: str = "", run: str = ""
    ) -> None:
        gone = time.monotonic_ns()
        self.kills.append(
            Kill(what=what, pid=pid, start=start, before=before, gone=gone, worker=worker, run=run)
        )

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
    def outbox(self) -> Path:
        return self.fleet.places.pipes / f"{OUTBOX}.pipe"

    @property
    def ledger(self) -> Path:
        return self.folder / "ledger"

    def keep(self, target: Path) -> None:
        """Copy all that may tell what happened: everything but FIFOs and sockets."""
        shutil.copytree(self.folder, target, ignore=lambda *_: ["r"], dirs_exist_ok=True)
        if not self.disk.why_not:
            shutil.copytree(self.disk.folder, target / "s", dirs_exist_ok=True)

    def close(self) -> None:
        """End everything, and take it away."""
        try:
            self.fleet.close(failed=True)
        finally:
            self.disk.close()


def _limit(pid: int, most: int | None) -> None:
    """Bytes a file may have when the process writes to it; None: any number."""
    hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (hard if most is None else most, hard))


def _env_of(pid: int, name: str) -> str:
    """What stands in the process's environment; empty where it has none such, or is gone."""
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    found = [entry.partition(b"=") for entry in entries]
    return next((value.decode() for key, _, value in found if key == name.encode()), "")


def failpoints() -> list[str]:
    """Every name in the code, so that a new one cannot be forgotten here; but for those of the sweep over users' files,
    which is not on the way of any task."""
    return sorted({name for name in _names() if not name.startswith("sweep.")})


def _names() -> Iterator[str]:
    for path in sorted((ROOT / "tmaxd").rglob("*.py")):
        yield from re.findall(r'\bfailpoints\.hit\(\s*"([^"]+)"', path.read_text())
