"""The runs that the daemon is responsible for: living ones by worker, ended ones until they are swept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tmaxd.plan.observed import Run
from tmaxd.plan.reasons import Reason
from tmaxd.ports import Proc, RunRecord, ServerId
from tmaxd.tasks.records import RunEnded


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
    alive: bool = True
    killed_by: int | None = None
    """The signal that ended its process, where the kernel has told."""
    takes_tasks: bool = False
    ready: bool = False
    window: int = 1
    form: Literal["json", "tsv"] = "json"
    batch: bool = False
    beats: bool = False
    """It has sent a heartbeat, as the disk knows."""
    """It takes and sends many tasks in one frame."""
    shared: bool = False
    """It was started to pull from the FIFO that its group shares."""
    life: int = 0
    """How often its program began anew inside the pane, as far as this daemon heard."""
    cut_off: bool = False
    protocol_trouble: str = ""

    def as_seen(self, server: ServerId | None) -> Run:
        return Run(
            run=self.run,
            alive=self.alive,
            started=self.started,
            ready=self.ready or not self.takes_tasks,
            adopted=self.adopted,
            cut_off=self.cut_off,
            here=self.server == server,
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


def from_record(record: RunRecord, now: float, wall: float, alive: bool) -> LiveRun:
    return LiveRun(
        run=record.run,
        worker=record.worker,
        proc=record.proc,
        server=record.server,
        started=now - max(wall - record.started, 0.0),
        started_wall=record.started,
        revision=record.revision,
        adopted=False,
        alive=alive,
        ready=record.ready,
        window=record.window,
        form=record.form,
        batch=record.batch,
        beats=record.beats,
    )
