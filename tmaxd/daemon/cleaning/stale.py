"""The clean-up `stale`: what stands in the fleet's own folders and in tmux, and provably belongs to nobody any more.

What goes with a worker or a group is the loop's affair, and it sees to that at once. This is about what it cannot know
of: leftovers of daemons that died in the middle of it, and of runs that nobody remembers.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable

from tmaxd.daemon.cleaning.cleaner import Report
from tmaxd.daemon.cleaning.used import is_used
from tmaxd.daemon.fleet import Fleet
from tmaxd.ports import Pane, TmuxView, Unknown, WorldError
from tmaxd.ports.remains import Remains, Remnant
from tmaxd.spec.upkeep import Cleanup

SLICE = 20
"""Things that are removed before others may go on; each takes about 20 µs."""

_WORDS = {
    "fifo": "a FIFO without a name",
    "gone": "the folder of a worker that was being removed",
    "spool": "the folder of a worker that there is no more, empty",
    "temporary": "what a daemon was writing when it died",
}


class StaleCleaner:
    """`Cleaner`. It judges by what is wanted and what lives at the moment when it removes something, with no await in
    between: nothing can come into use meanwhile."""

    def __init__(self, fleet: Fleet, remains: Remains) -> None:
        self._fleet = fleet
        self._remains = remains

    async def clean(self, entry: Cleanup, dry: bool, now: float, report: Report) -> None:
        if self._fleet.state.trouble or self._fleet.state.plan is None:
            raise Unknown("the world has not been seen whole, so nothing can be told to be stale")
        before = None if entry.ttl is None else now - float(entry.ttl)
        self._links(dry, report)
        for index, remnant in enumerate(await self._remains.find()):
            if index % SLICE == SLICE - 1:
                await asyncio.sleep(0)
            if before is None or remnant.at <= before:
                self._remnant(remnant, dry, report)
        await self._sessions(dry, report)

    # ------------------------------------------------------------------------------------- files

    def _links(self, dry: bool, report: Report) -> None:
        """Paths to the FIFOs of runs that nobody knows. A daemon removes them when it begins; these came later."""
        fleet = self._fleet
        known = {run for _, run in fleet.runs.all()} | fleet.executor.starter.launching
        known |= {seen.run for seen in fleet.state.look.observed.seen.values()}
        for run in sorted(fleet.pipes.linked() - known):
            if not dry:
                try:
                    fleet.pipes.unlink(run)
                except (OSError, WorldError) as error:
                    report.problem(str(error))
                    continue
            report.add(f".runs/{run}", 0, "the way to the FIFOs of a run that nobody knows")

    def _remnant(self, remnant: Remnant, dry: bool, report: Report) -> None:
        if remnant.owner and is_used(self._fleet, remnant.owner):
            return
        if not dry:
            try:
                if not self._remains.remove(remnant):
                    return
            except OSError as error:
                report.problem(f"{remnant.path} cannot be removed: {error.strerror}")
                return
        report.add(remnant.path, remnant.bytes, _WORDS[remnant.kind])

    # ---------------------------------------------------------------------------------- sessions

    async def _sessions(self, dry: bool, report: Report) -> None:
        """Sessions with our labels that are another one's double and in which nothing lives: the loop goes by one
        session a worker, and leaves others alone."""
        view = await self._fleet.tmux.look()
        if view.server is None:
            return
        doubles = list(self._doubles(view))
        if not dry and doubles:
            await self._fleet.tmux.kill(view.server, [pane.session_id for pane in doubles])
        for pane in doubles:
            report.add(f"session {pane.session}", 0, f"a dead double of {pane.worker}'s")

    def _doubles(self, view: TmuxView) -> Iterable[Pane]:
        known = {run for _, run in self._fleet.runs.all()} | self._fleet.executor.starter.launching
        used = {seen.session_id for seen in self._fleet.state.look.observed.seen.values()}
        sessions: defaultdict[str, list[Pane]] = defaultdict(list)
        for pane in view.panes:
            sessions[pane.session_id].append(pane)
        in_use = {panes[0].worker for key, panes in sessions.items() if key in used}
        name = self._fleet.desired.spec_file.fleet
        for key, panes in sessions.items():
            first = panes[0]
            if (
                key not in used
                and first.fleet == name
                and first.worker in in_use
                and first.run not in known
                and not first.attached
                and all(pane.dead for pane in panes)
            ):
                yield first
