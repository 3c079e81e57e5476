"""Spares become workers: the hand-over of a session, its FIFOs and its run, and how often that saved somebody a boot.

tmux is told first. Whatever happens after that, what the session is called says what has to be brought to its end, by
the next pass or the next daemon (`plan.pool.look_for_half_taken`); the dispatcher hears of the run last of all, so that
a half-taken one holds no task.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tmaxd.daemon.hearing import Hearing
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.probing import Probing
from tmaxd.daemon.runs import LiveRun, Runs
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.places import Places
from tmaxd.plan.actions import Start, Take
from tmaxd.ports import Clock, Handover, Pipes, ServerId, Tmux, Unknown, WorldError
from tmaxd.ports.outputs import Mark
from tmaxd.tasks.records import RunTaken


@dataclass(slots=True)
class PoolCount:
    """Of one group, since the daemon started."""

    hits: int = 0
    misses: int = 0
    last_miss: str = ""
    """Why there was no spare when one was last wanted."""


NO_COUNT = PoolCount()


@dataclass(slots=True)
class Taking:
    """One a daemon."""

    places: Places
    tmux: Tmux
    pipes: Pipes
    flow: TaskFlow
    hearing: Hearing
    probing: Probing
    runs: Runs
    clock: Clock
    log: EventLog
    counts: dict[str, PoolCount] = field(default_factory=dict)
    """By group."""

    async def take(self, items: Sequence[Take], server: ServerId) -> None:
        """Raises `Unknown` when it cannot be told whether tmux did it; it is planned again then."""
        begins = {x.worker: self.probing.output_begins(x.worker) for x in items}
        await self.tmux.hand_over(
            server,
            [
                Handover(
                    session_id=x.session_id,
                    pane_id=x.pane_id,
                    worker=x.worker,
                    log=self.places.logs / f"{x.worker}.log",
                    former=x.former,
                )
                for x in items
            ],
        )
        for item in items:
            self._taken(item, begins[item.worker])

    def missed(self, starts: Sequence[Start]) -> None:
        """A spare was wanted for these, and there was none."""
        for start in starts:
            if start.miss:
                count = self._count(start.group)
                count.misses += 1
                count.last_miss = start.miss
                tell = self.log.info_unless(start.quiet)
                tell("pool_miss", worker=start.worker, why=start.miss)

    def over(self, run: str) -> None:
        """Nothing is left of the run, so nobody needs its path any more."""
        try:
            self.pipes.unlink(run)
        except (OSError, WorldError) as error:
            self.log.warning("pipe_trouble", text=f"  {error}")

    def tidy(self) -> None:
        """Paths of runs that an earlier daemon did not come to remove."""
        known = {live.run for live in self.runs.live.values()} | self.runs.ended.keys()
        try:
            left = self.pipes.linked() - known
        except Unknown:
            return  # the next daemon finds them
        for run in left:
            self.over(run)

    def _taken(self, item: Take, begins: Mark) -> None:
        live = self.runs.live.pop(item.spare, None)
        if live is None:
            return
        # What an earlier daemon started is not known to take tasks before it is adopted.
        if live.takes_tasks or (not live.adopted and live.run in self.pipes.linked()):
            self._hand_over(item, live)
        live.worker, live.begins, live.revived = item.worker, begins, item.quiet
        live.started, live.started_wall = self.clock.now(), self.clock.wall()
        self.runs.live[item.worker] = live
        self.hearing.moved(item.spare, item.worker, live.run)
        self.flow.note(RunTaken(live.run, item.worker, live.started_wall, begins.file, begins.size))
        if live.adopted:
            self._serves(live, item.held)
        self._count(item.group).hits += 1
        tell = self.log.info_unless(item.quiet)
        tell(
            "taken",
            worker=item.worker,
            reason=item.reason,
            spare=item.spare,
            age=round(item.age, 3),
            pid=live.proc.pid,
            run=live.run,
        )

    def _hand_over(self, item: Take, live: LiveRun) -> None:
        try:
            self.pipes.hand_over(item.spare, item.worker, live.run)
        except (OSError, WorldError, Unknown) as error:
            # It is stopped for that, and the slot started.
            live.cut_off = True
            self.log.error("pipe_trouble", worker=item.worker, text=f"  {error}")

    def _serves(self, live: LiveRun, held: bool) -> None:
        """From now on its time as this worker counts: what it did before spends or earns nothing."""
        if live.ready:
            live.ready_at = live.started
        self.flow.hold(live.worker, held)
        if live.takes_tasks and live.ready and live.alive and not live.cut_off:
            self.flow.ready(live)

    def _count(self, group: str) -> PoolCount:
        return self.counts.setdefault(group, PoolCount())
