"""The composition root: the only place that knows which adapter stands behind which port.

What is heavy to import (the API, the file watcher) comes after the first pass, so that the workers do not
wait for it.
"""

from __future__ import annotations

import asyncio
import os
import resource
import secrets
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from tmaxd.daemon.assemble import Ports, assemble
from tmaxd.daemon.environment import scrubbed
from tmaxd.daemon.fleet import Fleet, Waker
from tmaxd.daemon.housekeeping import LogKeeper
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.specfile import SpecFile
from tmaxd.daemon.waiters import Waiters
from tmaxd.places import Places, places, roots
from tmaxd.ports import JournalError, Recovered, WorldError
from tmaxd.spec.load import Loaded, Rejected, load
from tmaxd.spec.problems import render
from tmaxd.world.clock import SystemClock
from tmaxd.world.files import LocalFiles, read_for_spec, write_private
from tmaxd.world.folders import prepare
from tmaxd.world.journal import SqliteJournal, open_journal
from tmaxd.world.lock import FleetLock, Held
from tmaxd.world.logs import rotate
from tmaxd.world.pipes import FifoPipes
from tmaxd.world.processes import LinuxProcesses
from tmaxd.world.tmux.client import TmuxClient

EXIT_FAILED, EXIT_SPEC = 1, 2


class CannotStart(Exception):
    """The daemon cannot run; the text says why. Nothing was changed."""

    def __init__(self, message: str, code: int = EXIT_FAILED) -> None:
        super().__init__(message)
        self.code = code


async def run_daemon(path: Path, human: bool | None) -> int:
    """The whole life of a daemon; returns its exit code."""
    log = EventLog(SystemClock(), human=human)
    try:
        spec_file, found = _find_fleet(path)
        here = places(spec_file.fleet)
        lock = _prepare(here, path)
        journal, recovered = open_journal(here.database)
    except (CannotStart, WorldError, JournalError) as error:
        print(f"tmaxd: {error}", file=sys.stderr)  # noqa: T201  # before there is a log
        return error.code if isinstance(error, CannotStart) else EXIT_FAILED
    try:
        return await _serve(spec_file, found, here, journal, recovered, log)
    finally:
        await journal.close()
        lock.release()


# ------------------------------------------------------------------------------- before the loop


def _find_fleet(path: Path) -> tuple[SpecFile, Loaded | Rejected]:
    """The spec, and the fleet it belongs to. A file that is bad now still belongs to the fleet that ran it last:
    its daemon comes back with the last good revision."""
    env = {"TMAX_PYTHON": sys.executable} | dict(os.environ)
    home = os.environ.get("HOME", "/")
    found = load(path, read_for_spec, env, home)
    if isinstance(found, Loaded):
        return SpecFile(path, read_for_spec, env, home, found.spec.fleet), found
    fleet = _last_fleet(path)
    if fleet is None:
        problems = "\n".join(render(problem) for problem in found.problems)
        raise CannotStart(f"the spec is not valid, nothing was started\n{problems}", EXIT_SPEC)
    return SpecFile(path, read_for_spec, env, home, fleet), found


def _last_fleet(path: Path) -> str | None:
    _, state = roots(os.environ, os.getuid())
    for file in sorted(state.glob("*/spec_path")):
        if file.read_text(errors="replace") == str(path):
            return file.parent.name
    return None


def _prepare(here: Places, path: Path) -> FleetLock:
    prepare(here)
    _raise_limits()
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


def _raise_limits() -> None:
    """A worker takes four descriptors (three FIFOs and a pidfd); the usual soft limit of 1024 ends at 250."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


# ------------------------------------------------------------------------------------- the daemon


async def _serve(
    spec_file: SpecFile,
    found: Loaded | Rejected,
    here: Places,
    journal: SqliteJournal,
    recovered: Recovered,
    log: EventLog,
) -> int:
    ports, tmux = _ports(spec_file.fleet, here, journal)
    fleet, waiters = assemble(spec_file, found, here, ports, recovered, log)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.ensure_future(fleet.run())
    stopping = asyncio.ensure_future(stop.wait())
    closers: list[Callable[[], object]] = []
    front = asyncio.ensure_future(_open_front(fleet, waiters, here, tmux, closers))
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        else:
            log.info("stopped", text="  workers live on; `tmaxctl down` ends them")
        return 0
    finally:
        for task in (running, stopping, front):
            task.cancel()
        await asyncio.gather(running, stopping, front, return_exceptions=True)
        await _close(closers)
        fleet.pipes.close()
        await tmux.close()


async def _close(closers: list[Callable[[], object]]) -> None:
    for close in reversed(closers):
        result = close()
        if asyncio.iscoroutine(result):
            await result


def _ports(fleet: str, here: Places, journal: SqliteJournal) -> tuple[Ports, TmuxClient]:
    waker, clock = Waker(), SystemClock()
    environment = scrubbed(os.environ)
    tmux = TmuxClient(here.tmux_socket, fleet, environment, on_change=waker.wake)
    ports = Ports(
        tmux=tmux,
        pipes=FifoPipes(here.pipes),
        processes=LinuxProcesses(),
        journal=journal,
        files=LocalFiles(here),
        clock=clock,
        waker=waker,
        path=environment["PATH"],
        new_run_id=lambda: secrets.token_hex(6),
        housekeeping=LogKeeper(here.logs, tmux, clock, rotate),
    )
    return ports, tmux


async def _open_front(
    fleet: Fleet,
    waiters: Waiters,
    here: Places,
    tmux: TmuxClient,
    closers: list[Callable[[], object]],
) -> None:
    """What the daemon shows to the outside, once the first pass is under way."""
    await fleet.first_pass()
    from tmaxd.daemon.front import open_front

    await open_front(fleet, waiters, here, tmux, closers)
