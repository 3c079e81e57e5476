"""What the API answers: plain values that become JSON as they stand.

`schemas/api.openapi.yaml` is generated from these structs (`openapi.py`), and `tmaxctl` renders them.
Every time is wall time, in seconds since the epoch, unless its name says otherwise.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from tmaxd.spec.problems import Problem, render
from tmaxd.tasks.records import TaskRow

WorkerState = Literal[
    "absent",
    "starting",
    "running",
    "idle",
    "busy",
    "draining",
    "stopping",
    "backoff",
    "dead",
    "unknown",
]
"""`running` is an alive worker of kind `run`; `idle` and `busy` are those that take tasks."""

Channel = Literal["control", "plain", "down"]


class ProblemReport(Problem, frozen=True, kw_only=True):
    """One problem of the spec, as fields and as people read it."""

    text: str
    """As `tmaxctl validate` prints it, several lines."""


def report(problem: Problem) -> ProblemReport:
    return ProblemReport(**msgspec.structs.asdict(problem), text=render(problem))


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers."""

    fleet: str
    pid: int
    version: str
    spec: str
    """Absolute path of the spec file."""


class SpecStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The spec on disk against the revision in force."""

    path: str
    state: Literal["in_force", "rejected", "missing"]
    """Other than `in_force`: what is on disk changes nothing, and `revision` stays in force."""
    revision: int
    """0 when no spec was ever applied."""
    applied: float | None
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()


class TmuxStatus(msgspec.Struct, frozen=True, kw_only=True):
    server_pid: int | None
    version: str
    channel: Channel
    """`plain`: the control-mode client is lost and each command costs a process."""
    socket: str


class GroupStatus(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: Literal["run", "serve", "task"]
    count: int
    """As the spec wants it."""
    ready: int
    workers: int
    """Alive ones."""
    queued: int
    delayed: int
    """Waiting for the time of their next attempt."""
    sent: int
    """With a worker, not begun."""
    running: int
    done: int
    dead: int
    rate: float
    """Tasks ended a second, over the last ten seconds."""
    p50_ms: float | None
    p99_ms: float | None
    """How long tasks took, start to end; None before the first."""


class WorkerStatus(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    group: str
    state: WorkerState
    reason: str
    """The fixed word for why it is in this state; empty where there is nothing to say."""
    message: str
    """The same for people, with the details; may be empty."""
    since: float
    """While the process lives, when it was started; else when the state was entered."""
    pid: int | None
    run: str | None
    revision: int | None
    """The revision that the run was started from."""
    restarts: int
    last_exit: str | None
    """How the run before ended, in words."""
    ready: bool
    in_flight: int
    """Tasks that it holds, those in `running` included."""
    running: tuple[int, ...]
    """Ids of the tasks that it has begun."""
    next_start: float | None
    """When a worker in `backoff` is started again."""
    pending: str | None
    """The reason of an action that waits, such as a replacement until the worker is idle."""


class InboxStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A public FIFO, each line of which becomes a task."""

    name: str
    to: str
    """The group that gets the tasks."""
    path: str
    """Where to write."""


class Leftover(msgspec.Struct, frozen=True, kw_only=True):
    """A group that the spec no longer has, with tasks still queued; they wait until it returns."""

    group: str
    queued: int


class JournalStatus(msgspec.Struct, frozen=True, kw_only=True):
    trouble: str | None
    """Why nothing can be written at the moment; the daemon keeps trying."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The fleet at one instant."""

    fleet: str
    version: str
    pid: int
    started: float
    spec: SpecStatus
    converged: bool
    """The last whole look at the world found nothing left to do."""
    tmux: TmuxStatus
    groups: tuple[GroupStatus, ...]
    workers: tuple[WorkerStatus, ...]
    inboxes: tuple[InboxStatus, ...] = ()
    """Those of the spec in force."""
    leftovers: tuple[Leftover, ...] = ()
    foreign: tuple[str, ...] = ()
    """Sessions on the fleet's tmux socket that are not the daemon's; it never touches them."""
    problems: tuple[str, ...] = ()
    """Standing problems, each one sentence."""
    journal: JournalStatus


class ReloadResult(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Literal["applied", "no_change", "rejected", "timeout"]
    """`timeout`: applied, but not converged within the time given; the work goes on."""
    revision: int
    problems: tuple[ProblemReport, ...] = ()
    warnings: tuple[ProblemReport, ...] = ()
    converged: bool


class PlannedAction(msgspec.Struct, frozen=True, kw_only=True):
    action: str
    """`start`, `stop`, `replace`, …"""
    worker: str | None
    group: str | None
    reason: str
    field: str | None
    """Key of the spec whose change causes it."""
    detail: str


class PlanResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload, or saving the file that was asked about, would do now."""

    outcome: Literal["changes", "no_change", "rejected"]
    actions: tuple[PlannedAction, ...] = ()
    problems: tuple[ProblemReport, ...] = ()


class Accepted(msgspec.Struct, frozen=True):
    """Tasks that are on disk: ids `first_id` to `first_id + count - 1`."""

    first_id: int
    count: int


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one submit request had accepted; each range is first id and count."""

    ranges: tuple[tuple[int, int], ...]
    accepted: int


class TaskList(msgspec.Struct, frozen=True):
    tasks: tuple[TaskRow, ...]
    """Newest first."""


class TaskEnd(msgspec.Struct, frozen=True):
    id: int
    state: Literal["done", "dead", "unknown"]
    """`unknown`: there is no such task."""


class WaitFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tasks to wait for: single ids, and ranges as first id and count."""

    ids: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """The shutdown has begun: workers are stopped, then the daemon exits."""

    outcome: Literal["stopping"] = "stopping"
    pid: int


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request that was refused."""

    error: str
    """A fixed word."""
    message: str
    """What, where, why, and what to do."""
    ranges: tuple[tuple[int, int], ...] | None = None
    """Submit only: what was accepted before the refusal."""
    accepted: int | None = None
