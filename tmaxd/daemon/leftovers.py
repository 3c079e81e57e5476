"""Commands that an earlier daemon ran beside its workers and that outlived it: ended before the first new one runs.

They are known by a mark of their own in the place of a run's (`environment.beside`), and so by what they have started,
too.
"""

from __future__ import annotations

import asyncio
import signal

from tmaxd.daemon.log import EventLog
from tmaxd.ports import Processes, Unknown, WorldError


class Leftovers:
    """One a daemon. Nothing is looked for before somebody waits for `gone`: it costs a look at all processes."""

    def __init__(self, processes: Processes, mark: str, log: EventLog) -> None:
        self._processes = processes
        self._mark = mark
        self._log = log
        self._ending: asyncio.Task[None] | None = None

    async def gone(self) -> None:
        """Returns when they were told to end, by SIGKILL: each time after the first at once. Where it cannot be told
        what there is, they stay: they are in nobody's way."""
        if self._ending is None:
            self._ending = asyncio.ensure_future(self._end())
        await asyncio.shield(self._ending)

    async def _end(self) -> None:
        try:
            found = (await self._processes.trees({self._mark: None}))[self._mark]
        except Unknown:
            return
        for proc in found:
            try:
                self._processes.signal(proc, signal.SIGKILL)
            except WorldError as error:
                self._log.warning("signal_refused", pid=proc.pid, text=f"  {error}")
        if found:
            self._log.info("leftover_probes_ended", pids=sorted(proc.pid for proc in found))
