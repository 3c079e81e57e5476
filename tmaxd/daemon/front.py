"""What the daemon shows to the outside: the API on its socket, and the watch on the spec's files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from tmaxd.daemon.api import server
from tmaxd.daemon.cleaning.cleaner import Cleaner
from tmaxd.daemon.cleaning.files import FilesCleaner
from tmaxd.daemon.cleaning.orphans import OrphanCleaner
from tmaxd.daemon.cleaning.setup import set_up
from tmaxd.daemon.cleaning.stale import StaleCleaner
from tmaxd.daemon.cleaning.used import is_used
from tmaxd.daemon.environment import mark_of_probes
from tmaxd.daemon.facade import FleetFacade
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.waiters import Waiters
from tmaxd.places import Places
from tmaxd.spec.upkeep import What
from tmaxd.world.files import LocalFiles
from tmaxd.world.oldlogs import LogFolder
from tmaxd.world.orphans import LinuxOrphans
from tmaxd.world.processes import Marks
from tmaxd.world.remains import FleetRemains
from tmaxd.world.sweeping import FileSweeper
from tmaxd.world.tmux.client import TmuxClient
from tmaxd.world.watch import SpecWatch


async def open_front(
    fleet: Fleet,
    waiters: Waiters,
    here: Places,
    tmux: TmuxClient,
    kept: Mapping[str, str],
    closers: list[Callable[[], object]],
) -> None:
    """Open both; what must be closed again is put into `closers`. `kept`: what an earlier daemon has kept on disk."""
    facade = FleetFacade(
        fleet,
        fleet.journal,
        waiters,
        started=fleet.clock.wall(),
        tmux=tmux,
        here=here,
    )
    api = await server.start(facade, here.api_socket, here.payloads, wall=fleet.clock.wall)
    closers.append(api.close)
    fleet.log.info("api_open", socket=str(here.api_socket))
    await fleet.memory.begin()
    watch = Watch(fleet)
    facade.watch_trouble = watch.trouble
    await watch.start()
    closers.append(watch.close)
    facade.cleaning = cleaning = set_up(
        fleet,
        LocalFiles(here),
        LogFolder(here.logs, here.daemon_log),
        partial(is_used, fleet),
        leftover_cleaners(fleet, here),
        kept,
    )
    cleaning.start()
    closers.append(cleaning.close)


def leftover_cleaners(fleet: Fleet, here: Places) -> dict[What, Cleaner]:
    """The clean-ups of what nobody looks after any more: processes, the fleet's own folders, files of the user's."""
    starter = fleet.executor.starter
    orphans = OrphanCleaner(
        orphans=LinuxOrphans(Marks()),
        processes=fleet.executor.processes,
        tmux=fleet.tmux,
        runs=fleet.runs,
        launching=starter.launching,
        owner=starter.owner,
        beside=mark_of_probes(here),
        log=fleet.log,
    )
    own = (here.state.parent, here.runtime.parent, here.state, here.runtime)
    return {
        "orphans": orphans,
        "stale": StaleCleaner(fleet, FleetRemains(here)),
        "files": FilesCleaner(FileSweeper(own)),
    }


class Watch:
    """Reloads when a file of the spec changes, and follows the spec's set of files."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._files = SpecWatch(
            fleet.desired.spec_file.sources, self._changed, asyncio.get_running_loop()
        )
        self._task: asyncio.Task[None] | None = None
        self._again = False

    async def start(self) -> None:
        await asyncio.to_thread(self._files.start)
        self._fleet.log.info("watching", mode=self._files.mode)
        self._changed()  # the file may have changed since it was read first

    def trouble(self) -> str | None:
        return self._files.trouble

    def close(self) -> None:
        self._files.close()

    def _changed(self) -> None:
        if self._task is not None and not self._task.done():
            self._again = True
            return
        self._task = asyncio.ensure_future(self._reload())

    async def _reload(self) -> None:
        while True:
            self._again = False
            await self._fleet.desired.reload(asked=False)
            self._files.update(self._fleet.desired.spec_file.sources)
            if not self._again:
                return
