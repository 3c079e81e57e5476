"""The runs that the daemon is responsible for: living ones by worker, ended ones until they are swept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tmaxd.plan.observed import Run
from tmaxd.plan.reasons import Reason
from tmaxd.ports import Proc, RunRecord, ServerId
from tmaxd.ports.outputs import BEGINNING, Mark
from tmaxd.tasks.records import RunEnded, RunReady


@dataclass(slots=True)
class LiveRun:
    """One incarnation of a worker's process."""

    run: str
    worker: str
    proc: Proc
    server: ServerId
    started: float
    """Monotonic; for a run of an earlier daemon, as far back as its record says."""
    started_wall: float
    revision: int
    adopted: bool = True
    taken: float = 0.0
    """Monotonic: when this daemon took charge of it; 0 where it was started by this one."""
    alive: bool = True
    killed_by: int | None = None
    """The signal that ended its process, where the kernel has told."""
    takes_tasks: bool = False
    fingerprint: str = ""
    """What it was started with, as its label says; empty where that is not known."""
    begins: Mark = BEGINNING
    """Where its output begins in its worker's log."""
    said: bool = False
    """It has said `ready` on its results FIFO; `window` to `beats` are what it said."""
    ready_at: float | None = None
    """Monotonic: since when it is ready; of a run that was so under an earlier daemon, its start. Once ready it stays
    so: whether it still works is what `healthy` says."""
    healthy: bool | None = None
    """What its group's health check says; None: there is none, or it has not said anything yet."""
    healthy_since: float | None = None
    """Monotonic: since when `healthy` is what it is."""
    probe: str = ""
    """What failed when it was last asked from outside, with its own words; empty where nothing did."""
    window: int = 1
    form: Literal["json", "tsv"] = "json"
    batch: bool = False
    """It takes and sends many tasks in one frame."""
    beats: bool = False
    """It has sent a heartbeat, as the disk knows."""
    shared: bool = False
    """It was started to pull from the FIFO that its group shares."""
    heard: int = 0
    """How often something has come from it; of spares the dispatcher does not know when."""
    life: int = 0
    """How often its program began anew inside the pane, as far as this daemon heard."""
    cut_off: bool = False
    oom_kills: int = 0
    """How often the kernel had killed a process of it for want of memory, when it was last measured."""
    oom_killed: bool = False
    """(of a dead one) The kernel has killed it, or a process of it, since then."""
    rebooted: bool = False
    """It is from before the machine was started anew."""
    revived: bool = False
    """It was started in place of one of many that died together."""
    protocol_trouble: str = ""

    @property
    def ready(self) -> bool:
        return self.ready_at is not None

    def as_seen(self, server: ServerId | None) -> Run:
        return Run(
            run=self.run,
            alive=self.alive,
            started=self.started,
            ready=self.ready_at is not None,
            ready_at=self.ready_at,
            healthy=self.healthy,
            healthy_since=self.healthy_since,
            probe=self.probe,
            adopted=self.adopted,
            taken=self.taken,
            cut_off=self.cut_off,
            oom_killed=self.oom_killed,
            here=self.server == server and not self.rebooted,
            rebooted=self.rebooted,
        )


@dataclass(slots=True)
class EndedRun:
    """Its first process is gone; what it had not read waits here until nothing of it is left."""

    run: str
    worker: str
    proc: Proc | None
    unread: bytes = b""
    reason: Reason = "ended_while_down"
    record: RunEnded | None = None
    """Written when the run is swept: until then a daemon that starts must know of it, to sweep it itself."""


@dataclass(slots=True)
class Runs:
    live: dict[str, LiveRun] = field(default_factory=dict)
    """By worker."""
    ended: dict[str, EndedRun] = field(default_factory=dict)
    """By run id."""

    def all(self) -> list[tuple[str, str]]:
        """(worker, run) of every run that may not be over."""
        found = [(live.worker, live.run) for live in self.live.values()]
        return found + [(ended.worker, ended.run) for ended in self.ended.values()]

    def leaders(self, runs: set[str]) -> dict[str, Proc | None]:
        """The first process of each of these runs, as far as it is known."""
        found: dict[str, Proc | None] = {}
        for live in self.live.values():
            if live.run in runs:
                found[live.run] = live.proc
        for run in runs - found.keys():
            ended = self.ended.get(run)
            found[run] = ended.proc if ended else None
        return found


def from_record(
    record: RunRecord, now: float, wall: float, *, alive: bool, rebooted: bool
) -> LiveRun:
    started = now - max(wall - record.started, 0.0)
    return LiveRun(
        run=record.run,
        worker=record.worker,
        proc=record.proc,
        server=record.server,
        started=started,
        started_wall=record.started,
        revision=record.revision,
        adopted=False,
        alive=alive,
        rebooted=rebooted,
        begins=Mark(record.log_file, record.log_size),
        said=record.said,
        ready_at=started if record.ready else None,
        window=record.window,
        form=record.form,
        batch=record.batch,
        beats=record.beats,
    )


def ready_record(live: LiveRun) -> RunReady:
    """What the next daemon has to know of a run that has said that it is ready, or has proved it."""
    return RunReady(live.run, live.window, live.form, live.batch, live.beats, live.said, live.ready)
