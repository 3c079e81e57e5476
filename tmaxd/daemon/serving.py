"""The daemon once it has its fleet's lock, journal and tmux: everything else is put together, and run.

What is heavy to import (the API, the file watcher) comes after the first pass, so that the workers do not
wait for it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import secrets
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tmaxd.daemon.assemble import Ports, assemble
from tmaxd.daemon.environment import scrubbed
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.housekeeping import LogKeeper
from tmaxd.daemon.log import EventLog, FromLibraries
from tmaxd.daemon.specfile import SpecFile
from tmaxd.daemon.waiters import Waiters
from tmaxd.daemon.waker import Waker
from tmaxd.places import Places
from tmaxd.ports import Proc, Recovered
from tmaxd.ports.footprints import Footprints, Sample
from tmaxd.spec.load import Loaded, Rejected
from tmaxd.world.cgroup import CgroupTree, name_of
from tmaxd.world.clock import SystemClock
from tmaxd.world.files import LocalFiles
from tmaxd.world.folders import owner_of
from tmaxd.world.journal import SqliteJournal
from tmaxd.world.logs import rotate, rotate_own
from tmaxd.world.outputs import LogFiles
from tmaxd.world.pipes import FifoPipes
from tmaxd.world.probes import SystemProbes
from tmaxd.world.processes import LinuxProcesses
from tmaxd.world.tmux.client import TmuxClient

if TYPE_CHECKING:
    from tmaxd.ports.store import Store


@dataclass(frozen=True)
class Base:
    """What is there before the loop."""

    here: Places
    journal: SqliteJournal
    recovered: Recovered
    tmux: TmuxClient
    waker: Waker
    log: EventLog
    path: str
    """PATH of the workers, where the spec does not set it."""


async def serve(base: Base, spec_file: SpecFile, found: Loaded | Rejected) -> int:
    """Until the daemon is told to stop, or the fleet was taken down; returns the exit code."""
    libraries = FromLibraries(base.log)
    logging.getLogger().addHandler(libraries)
    ports = _ports(base)
    fleet, waiters = assemble(spec_file, found, base.here, ports, base.recovered, base.log)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    running = asyncio.ensure_future(fleet.run())
    stopping = asyncio.ensure_future(stop.wait())
    closers: list[Callable[[], object]] = []
    front = asyncio.ensure_future(_open_front(fleet, waiters, base, closers))
    try:
        await _until_one_ends({running, stopping}, front)
        if running.done():
            running.result()
        elif front.done() and not stop.is_set():
            # Nobody could reach such a daemon. The workers live on, and the next one adopts them.
            base.log.error(
                "front_failed", text=f"  the API or the file watch: {front.exception()!r}"
            )
            return 1
        else:
            base.log.info("stopped", text="  workers live on; `tmaxctl down` ends them")
        return 0
    finally:
        for task in (running, stopping, front):
            task.cancel()
        await asyncio.gather(running, stopping, front, return_exceptions=True)
        await _close(closers)
        fleet.sampling.close()
        fleet.desired.close()
        fleet.inboxes.close()
        fleet.flow.close()
        fleet.executor.hearing.close()
        fleet.executor.containing.close()
        await fleet.storing.close()
        fleet.pipes.close()
        fleet.events.flush()
        logging.getLogger().removeHandler(libraries)


async def _until_one_ends(lasting: set[asyncio.Future[Any]], front: asyncio.Future[None]) -> None:
    """The front ends well at once when it is open, so only its failure counts."""
    await asyncio.wait({*lasting, front}, return_when=asyncio.FIRST_COMPLETED)
    if front.done() and front.exception() is None:
        await asyncio.wait(lasting, return_when=asyncio.FIRST_COMPLETED)


def _ports(base: Base) -> Ports:
    clock, cages = SystemClock(), CgroupTree(name_of(base.here.state))
    return Ports(
        tmux=base.tmux,
        pipes=FifoPipes(base.here.pipes),
        processes=LinuxProcesses(),
        journal=base.journal,
        store=partial(_store, base.here.memory),
        files=LocalFiles(base.here),
        probes=SystemProbes(scrubbed(os.environ)),
        outputs=LogFiles(base.here.logs),
        footprints=_Late(cages),
        containment=cages,
        clock=clock,
        waker=base.waker,
        path=base.path,
        owner=owner_of(base.here.state),
        new_run_id=lambda: secrets.token_hex(6),
        housekeeping=LogKeeper(
            base.here.logs, base.tmux, clock, rotate, partial(rotate_own, base.here.daemon_log)
        ),
    )


class _Late:
    """`Footprints`, imported for the first sample: workers do not wait for it."""

    def __init__(self, cages: CgroupTree) -> None:
        self._cages = cages
        self._real: Footprints | None = None

    async def sample(self, runs: Mapping[str, Proc | None], server: int | None) -> Sample:
        if self._real is None:
            from tmaxd.world.footprints import ProcFootprints

            self._real = ProcFootprints(self._cages)
        return await self._real.sample(runs, server)


def _store(path: Path) -> Store:
    from tmaxd.world.store import SqliteStore

    return SqliteStore(path)


async def _close(closers: list[Callable[[], object]]) -> None:
    for close in reversed(closers):
        result = close()
        if asyncio.iscoroutine(result):
            await result


async def _open_front(
    fleet: Fleet,
    waiters: Waiters,
    base: Base,
    closers: list[Callable[[], object]],
) -> None:
    """What the daemon shows to the outside, once the first pass is under way."""
    await fleet.passed()
    gc.freeze()  # what is there now stays; a full collection need not look at it
    gc.enable()
    from tmaxd.daemon.front import open_front

    await open_front(fleet, waiters, base.here, base.tmux, base.recovered.kept, closers)
    fleet.sampling.start()
