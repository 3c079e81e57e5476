"""What the daemon shows to the outside: the API on its socket, and the watch on the spec's files."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tmaxd.daemon.api import server
from tmaxd.daemon.facade import FleetFacade
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.waiters import Waiters
from tmaxd.places import Places
from tmaxd.world.tmux.client import TmuxClient
from tmaxd.world.watch import SpecWatch


async def open_front(
    fleet: Fleet,
    waiters: Waiters,
    here: Places,
    tmux: TmuxClient,
    closers: list[Callable[[], object]],
) -> None:
    """Open both; what must be closed again is put into `closers`."""
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
    watch = Watch(fleet)
    facade.watch_trouble = watch.trouble
    await watch.start()
    closers.append(watch.close)


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
            await self._fleet.desired.reload()
            self._files.update(self._fleet.desired.spec_file.sources)
            if not self._again:
                return
