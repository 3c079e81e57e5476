"""The composition root, with `serving`: the two know which adapter stands behind which port.

Here is what comes first: the spec, the fleet's lock, its journal. The rest is imported while tmux starts.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

from tmaxd.daemon.environment import scrubbed
from tmaxd.daemon.log import EventLog, JournalTold
from tmaxd.daemon.specfile import SpecFile
from tmaxd.daemon.waker import Waker
from tmaxd.places import Places, places, roots
from tmaxd.ports import JournalError, Unknown, WorldError
from tmaxd.spec.load import Loaded, Rejected, load
from tmaxd.spec.problems import render
from tmaxd.world.clock import SystemClock
from tmaxd.world.env_files import EnvFiles
from tmaxd.world.files import read_for_spec, write_private
from tmaxd.world.folders import prepare
from tmaxd.world.journal import open_journal
from tmaxd.world.lock import FleetLock, Held
from tmaxd.world.tmux.client import TmuxClient
from tmaxd.world.tmux.tool import Limits

EXIT_FAILED, EXIT_SPEC = 1, 2


class CannotStart(Exception):
    """The daemon cannot run; the text says why. Nothing was changed."""

    def __init__(self, message: str, code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.code = code


async def run_daemon(path: Path, human: bool | None, umask: int) -> int:
    """The whole life of a daemon; returns its exit code. `umask`: what workers are to have."""
    log = EventLog(SystemClock(), human=human)
    environment, waker = scrubbed(os.environ), Waker()
    try:
        spec_file, found = _find_fleet(path)
        here = places(spec_file.fleet)
        lock = _prepare(here, path)
        limits = Limits(umask, _raise_limits())
        tmux = TmuxClient(
            here.tmux_socket,
            spec_file.fleet,
            environment,
            on_change=waker.wake,
            limits=limits,
        )
        journal, recovered = open_journal(here.database, on_trouble=JournalTold(log, waker.wake))
    except (CannotStart, WorldError, JournalError) as error:
        print(f"tmaxd: {error}", file=sys.stderr)  # noqa: T201  # before there is a log
        return error.code if isinstance(error, CannotStart) else EXIT_FAILED
    for problem in journal.problems():
        log.error("commits_missing", text=f"  {problem}")
    try:
        await _start_early(tmux, found)
        from tmaxd.daemon.serving import Base, serve

        base = Base(here, journal, recovered, tmux, waker, log, environment["PATH"])
        return await serve(base, spec_file, found)
    except (Unknown, WorldError, OSError) as error:
        log.error("cannot_go_on", text=f"  {error}; workers live on")
        return EXIT_FAILED
    finally:
        await tmux.close()
        await journal.close()
        lock.release()


# ------------------------------------------------------------------------------- before the loop


def _find_fleet(path: Path) -> tuple[SpecFile, Loaded | Rejected]:
    """The spec, and the fleet it belongs to. A file that is bad now still belongs to the fleet that ran it last:
    its daemon comes back with the last good revision."""
    env = {"TMAX_PYTHON": sys.executable} | dict(os.environ)
    home = os.environ.get("HOME", "/")
    keeper = EnvFiles(roots(os.environ, os.getuid())[1])
    found = load(path, read_for_spec, env, home, keeper)
    if isinstance(found, Loaded):
        return SpecFile(path, read_for_spec, env, home, found.spec.fleet, keeper), found
    fleet = _last_fleet(path)
    if fleet is None:
        problems = "\n".join(render(problem) for problem in found.problems)
        raise CannotStart(f"the spec is not valid, nothing was started\n{problems}", EXIT_SPEC)
    return SpecFile(path, read_for_spec, env, home, fleet, keeper), found


def _last_fleet(path: Path) -> str | None:
    """The fleet that was run from this file last; the file may have named others before."""
    _, state = roots(os.environ, os.getuid())
    runs = [f for f in state.glob("*/spec_path") if f.read_text(errors="replace") == str(path)]
    return max(runs, key=lambda f: f.stat().st_mtime_ns).parent.name if runs else None


def _prepare(here: Places, path: Path) -> FleetLock:
    prepare(here)
    lock = FleetLock(here.lock)
    try:
        lock.acquire()
    except Held as held:
        raise CannotStart(
            f"fleet {here.runtime.name} is run by another daemon (pid {held.pid}), which holds "
            f"{here.lock}; `tmaxctl --fleet {here.runtime.name} status` asks it"
        ) from None
    write_private(here.state / "spec_path", str(path), durable=True)
    return lock


def _raise_limits() -> int | None:
    """A worker takes four descriptors (three FIFOs and a pidfd); the usual soft limit of 1024 ends at 250. Returns
    the soft limit as it was, None where it is what it was."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return soft if soft < hard else None


async def _start_early(tmux: TmuxClient, found: Loaded | Rejected) -> None:
    """Have tmux start, which takes 10 ms, in the background. What comes of it is for the first pass to find."""
    if isinstance(found, Loaded) and any(group.count for group in found.spec.workers.values()):
        starting = asyncio.ensure_future(tmux.start())
        starting.add_done_callback(lambda task: task.cancelled() or task.exception())
        await asyncio.sleep(0)
