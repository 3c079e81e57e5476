"""The clean-up `orphans`: processes that carry our mark and belong to no run are asked to end, and then killed.

What looks like an orphan may belong to a run that this daemon has not heard of yet. So a run counts as gone only if it
was unknown in two looks some seconds apart: to the daemon, to tmux, and to whoever is starting something.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet

import msgspec

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.runs import Runs
from tmaxd.ports import Proc, Processes, Tmux, Unknown, WorldError
from tmaxd.ports.orphans import Orphan, Orphans
from tmaxd.spec.upkeep import Cleanup

APART = 5.0
"""Seconds between the two looks. A pass comes each 2 s, so the second look is after at least one."""
GRACE = 5.0
"""Seconds from SIGTERM to SIGKILL."""
KILLED_WITHIN = 0.5
"""Seconds that killed processes are waited for before the next look for more."""
ROUNDS = 10
"""Looks at what is left after SIGKILL: processes that fork while they are killed need more than one."""
POLL = 0.05
SLICE = 20
"""Processes that are looked at or signalled before others may go on; each takes about 30 µs."""
PIDS = 20
"""Processes of a run that its event names."""


class _Ending(msgspec.Struct):
    """Those that got a signal, by one clean-up."""

    met: dict[Proc, Orphan] = {}
    refused: dict[Proc, str] = {}
    """Why a signal could not be sent."""


class OrphanCleaner:
    """`Cleaner`. `launching`: runs that are being started just now. `beside`: the mark of probes and hooks."""

    def __init__(
        self,
        *,
        orphans: Orphans,
        processes: Processes,
        tmux: Tmux,
        runs: Runs,
        launching: AbstractSet[str],
        owner: str,
        beside: str,
        log: EventLog,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._orphans = orphans
        self._processes = processes
        self._tmux = tmux
        self._runs = runs
        self._launching = launching
        self._owner = owner
        self._beside = beside
        self._log = log
        self._sleep = sleep

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        """Takes no time where there are none, and about ten seconds where there are."""
        first = await self._look()
        if dry:
            for orphan in first:
                report.add(f"pid {orphan.proc.pid}", orphan.bytes, described(orphan))
            return
        if not first:
            return
        await self._sleep(APART)
        unknown = {orphan.run for orphan in first}
        ending = _Ending()
        try:
            await self._end(unknown, ending)
        finally:
            self._tell(ending, report)

    async def _look(self) -> list[Orphan]:
        """Raises `Unknown` when not everybody can be asked: what is not known is not gone."""
        known = self._known()
        leaders = self._runs.leaders(known) | {self._beside: None}
        found = await self._orphans.find(self._owner, leaders)
        if not found:
            return []
        # Asked after the processes were seen: whoever has started one of them knew its run by then.
        view = await self._tmux.look()
        known |= self._known() | {pane.run for pane in view.panes}
        return [orphan for orphan in found if orphan.run not in known]

    def _known(self) -> set[str]:
        return {run for _, run in self._runs.all()} | self._launching

    async def _end(self, runs: AbstractSet[str], ending: _Ending) -> None:
        asked = [orphan for orphan in await self._look() if orphan.run in runs]
        await self._signal(asked, signal.SIGTERM, ending)
        await self._wait(asked, GRACE)
        for _ in range(ROUNDS):
            left = [orphan for orphan in await self._look() if orphan.run in runs]
            if not left:
                return
            await self._signal(left, signal.SIGKILL, ending)
            await self._wait(left, KILLED_WITHIN)

    async def _signal(self, orphans: Sequence[Orphan], number: int, ending: _Ending) -> None:
        for index, orphan in enumerate(orphans):
            if index % SLICE == SLICE - 1:
                await self._sleep(0)
            try:
                if number == signal.SIGTERM and self._processes.ignores(orphan.proc, number):
                    # What shells that talk to a terminal listen to instead.
                    self._processes.signal(orphan.proc, signal.SIGHUP)
                self._processes.signal(orphan.proc, number)
            except (Unknown, WorldError) as error:
                ending.refused[orphan.proc] = str(error)
            ending.met.setdefault(orphan.proc, orphan)

    async def _wait(self, orphans: Iterable[Orphan], within: float) -> None:
        left = list(orphans)
        for _ in range(round(within / POLL)):
            left = await self._living(left)
            if not left:
                return
            await self._sleep(POLL)

    async def _living(self, orphans: Sequence[Orphan]) -> list[Orphan]:
        living: list[Orphan] = []
        for index, orphan in enumerate(orphans):
            if index % SLICE == SLICE - 1:
                await self._sleep(0)
            if self._lives(orphan):
                living.append(orphan)
        return living

    def _lives(self, orphan: Orphan) -> bool:
        """As far as can be told: what is unknown is not gone."""
        try:
            return self._processes.identify(orphan.proc.pid) == orphan.proc
        except Unknown:
            return True

    def _tell(self, ending: _Ending, report: Report) -> None:
        """What has become of those that got a signal; an event for each run."""
        gone: dict[str, list[Orphan]] = {}
        for proc, orphan in ending.met.items():
            if self._lives(orphan):
                why = ending.refused.get(proc, "it has not ended so far")
                report.problem(f"pid {proc.pid}, {described(orphan)}, is still there: {why}")
                continue
            report.add(f"pid {orphan.proc.pid}", orphan.bytes, described(orphan))
            gone.setdefault(orphan.run, []).append(orphan)
        for run, ended in gone.items():
            self._log.info(
                "orphan_ended",
                worker=ended[0].worker,
                run=run,
                count=len(ended),
                pids=[orphan.proc.pid for orphan in ended[:PIDS]],
                command=ended[0].command,
                bytes=sum(orphan.bytes for orphan in ended),
            )


def described(orphan: Orphan) -> str:
    """What it is, how old, and where it comes from."""
    worker = orphan.worker or "an unknown worker"
    return f"{orphan.command}, {_age(orphan.age)} old, from {worker} (run {orphan.run})"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
