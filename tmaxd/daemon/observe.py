"""One look at the world, whole or not at all: what the ports answer becomes the planner's Observed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from tmaxd.daemon.containing import Containing
from tmaxd.daemon.fifos import Fifos
from tmaxd.daemon.intents import Intents
from tmaxd.daemon.runs import LiveRun, Runs
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import History
from tmaxd.plan.observed import Intent, Load, Member, Observed, Seen, Usage
from tmaxd.plan.wanted import Wanted
from tmaxd.ports import Pane, Pipes, Proc, Processes, ServerId, Tmux, TmuxView, Unknown
from tmaxd.spec.fingerprint import drifted

FEW = 8
"""Deaths at once for which the whole world is not listed first. A row alone costs 20 µs, a listing 15 µs a pane."""


@dataclass(slots=True)
class Look:
    """What a pass saw beside the planner's part of it."""

    observed: Observed
    server: ServerId | None
    foreign: tuple[str, ...] = ()
    panes: dict[str, Pane] = field(default_factory=dict)
    whole: bool = True
    """False: only what has died was looked at; a whole look must follow at once."""


class Observer:
    """Asks the ports. `loads` answers for the dispatcher."""

    def __init__(
        self,
        fleet: str,
        tmux: Tmux,
        processes: Processes,
        pipes: Pipes,
        fifos: Fifos,
        runs: Runs,
        loads: Callable[[], Mapping[str, Load]],
        intents: Intents,
        containing: Containing,
        usage: Callable[[], Usage | None],
    ) -> None:
        self._fleet = fleet
        self._tmux = tmux
        self._processes = processes
        self._pipes = pipes
        self._fifos = fifos
        self._runs = runs
        self._loads = loads
        self._intents = intents
        self._containing = containing
        self._usage = usage
        self._settled: TmuxView | None = None
        """The last look, where it was whole and nothing was done about it."""

    def acts(self) -> None:
        """Something is about to be done: what was seen is not what is there any more."""
        self._settled = None

    async def look(
        self,
        wanted: Wanted,
        history: History,
        *,
        failed: Mapping[str, str],
        down: bool,
        aside: Intents | None = None,
    ) -> Look:
        """`aside`: for somebody else than the loop, perhaps while the loop acts, and as if these were the orders; it
        leaves no trace. Raises `Unknown` when tmux or the FIFO folder did not give a whole answer. Process trees that
        could not be read are left out, and the planner waits with whatever needs them."""
        view, whole = (await self._tmux.look(), True) if aside is not None else await self._view()
        self._containing.found(view.server)
        ours, foreign = self._sort(view.panes)
        observed = Observed(
            server=view.server is not None,
            seen={w: self._seen(pane, wanted) for w, pane in ours.items()},
            runs={w: run.as_seen(view.server) for w, run in self._runs.live.items()},
            loads=self._loads(),
            trees=await self._trees(history),
            pipes=self._pipes.workers(),
            inboxes=frozenset(self._fifos.inboxes),
            outboxes=frozenset(self._fifos.outboxes),
            shared=frozenset(self._fifos.shared),
            foreign=frozenset(foreign),
            intents=self._asked(self._intents if aside is None else aside, wanted, ours),
            failed=failed,
            usage=self._usage(),
            down=down,
        )
        return Look(observed, view.server, foreign, ours, whole)

    def _asked(self, intents: Intents, wanted: Wanted, seen: Iterable[str]) -> Mapping[str, Intent]:
        """What the operator asked of the workers that are there, and of those that may be started."""
        if not intents:
            return {}
        slots = (
            f"{name}-{number}"
            for name, group in wanted.groups.items()
            for number in range(1, group.count + group.rollout.surge + 1)
        )
        workers = {*slots, *seen, *self._runs.live}
        return intents.by_worker(w for w in workers if not is_spare(w))

    async def _view(self) -> tuple[TmuxView, bool]:
        """Everything tmux has, and whether all of it was looked at just now. A crashed worker in a settled fleet
        does not wait for a listing of all the others: their last rows stand until the look that follows."""
        before, self._settled = self._settled, None
        if before is not None and before.server is not None:
            died = self._died_since(before)
            if 0 < len(died) <= FEW:
                try:
                    rows = await self._rows(before.server, died)
                    return _with(before, frozenset(died), rows), False
                except Unknown:
                    pass  # the whole look tells what has become of the server
        self._settled = view = await self._tmux.look()
        return view, True

    def _died_since(self, view: TmuxView) -> dict[str, Pane]:
        """Panes whose process lived in that look and is known to be dead, by id."""
        runs = self._runs.live
        return {
            pane.pane_id: pane
            for pane in view.panes
            if not pane.dead
            and pane.fleet == self._fleet
            and (live := runs.get(pane.worker)) is not None
            and live.run == pane.run
            and not live.alive
        }

    async def _rows(self, server: ServerId, died: Mapping[str, Pane]) -> tuple[Pane, ...]:
        """Their rows as they are now. Where the kernel has told for each which signal ended it, tmux would only
        say the same, and later: tmux 3.3a starts a helper and waits for it first (libutempter, 2 ms). But a
        hangup may mean that the session itself is gone, which only tmux knows."""
        ends = {key: self._runs.live[pane.worker].killed_by for key, pane in died.items()}
        if any(number in (None, signal.SIGHUP) for number in ends.values()):
            return await self._tmux.look_at(server, sorted(died))
        replace = msgspec.structs.replace
        return tuple(replace(pane, dead=True, signal=ends[key]) for key, pane in died.items())

    def _sort(self, panes: Iterable[Pane]) -> tuple[dict[str, Pane], tuple[str, ...]]:
        """Ours by label; everything else is foreign and never touched."""
        ours: dict[str, Pane] = {}
        foreign: list[str] = []
        for pane in panes:
            if pane.fleet != self._fleet or not pane.worker:
                foreign.append(pane.session)
                continue
            other = ours.get(pane.worker)
            if other is None or self._strange(pane) < self._strange(other):
                ours[pane.worker] = pane
            if other is not None:
                foreign.append((other if ours[pane.worker] is pane else pane).session)
        return ours, tuple(sorted(set(foreign) - {p.session for p in ours.values()}))

    def _strange(self, pane: Pane) -> tuple[bool, bool, int]:
        """The lower, the more it is the worker's own. People open further panes in its session, and all of
        them carry its labels; the first one born is ours."""
        live = self._runs.live.get(pane.worker)
        return (
            live is None or live.run != pane.run,
            live is None or live.proc.pid != pane.pid,
            int(pane.pane_id[1:]),
        )

    def _seen(self, pane: Pane, wanted: Wanted) -> Seen:
        group = wanted.groups.get(split(pane.worker)[0])
        alive, replaced = self._identity(pane, self._runs.live.get(pane.worker))
        drift: tuple[str, ...] = ()
        if group is not None and group.fingerprint != pane.fingerprint:
            drift = drifted(pane.fingerprint, group.fingerprint)
        return Seen(
            session_id=pane.session_id,
            session=pane.session,
            pane_id=pane.pane_id,
            run=pane.run,
            alive=alive,
            replaced=replaced,
            status=pane.status,
            signal=pane.signal,
            drift=drift,
            piped=pane.piped,
            attached=pane.attached,
        )

    def _identity(self, pane: Pane, live: LiveRun | None) -> tuple[bool, bool]:
        """(the run's own process lives in the pane, another process does)."""
        if live is not None and live.run == pane.run:
            same = live.proc.pid == pane.pid
            return live.alive and same and not pane.dead, not same and not pane.dead
        return not pane.dead and self._processes.identify(pane.pid) is not None, False

    async def _trees(self, history: History) -> dict[str, frozenset[Member]]:
        runs = set(history.sweeps)
        runs.update(s.stopping.run for s in history.slots.values() if s.stopping is not None)
        if not runs:
            return {}
        try:
            found = await self._processes.trees(self._runs.leaders(runs))
            return {
                run: frozenset(Member(proc.pid, proc.start) for proc in procs | self._caged(run))
                for run, procs in found.items()
            }
        except Unknown:
            return {}

    def _caged(self, run: str) -> frozenset[Proc]:
        """Who stands in its cage: also those who have escaped from session, descent and mark."""
        pids = self._containing.members(run)
        return frozenset(proc for pid in pids if (proc := self._processes.identify(pid)))


def _with(view: TmuxView, asked: frozenset[str], rows: Sequence[Pane]) -> TmuxView:
    """The view with these panes as they are now; those asked for that have no row are gone."""
    fresh = {row.pane_id: row for row in rows}
    kept = (pane for pane in view.panes if pane.pane_id not in asked or pane.pane_id in fresh)
    return TmuxView(view.server, tuple(fresh.get(pane.pane_id, pane) for pane in kept))
