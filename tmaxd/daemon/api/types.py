"""What the API answers: plain values that become JSON as they stand.

`schemas/api.openapi.yaml` is generated from these structs (`openapi.py`), and `tmaxctl` renders them.
Every time is wall time, in seconds since the epoch, unless its name says otherwise.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tmaxd.spec.problems import Problem, render
from tmaxd.tasks.events import Verdict
from tmaxd.tasks.records import (
    MAX_KEY,
    MAX_PRIORITY,
    MIN_PRIORITY,
    State,
    TaskRow,
    TaskStory,
)

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
    """Waiting for the time of their first or next attempt."""
    sent: int
    """With a worker, not begun."""
    running: int
    done: int
    dead: int
    cancelled: int = 0
    max_queue: int | None = None
    """Tasks that may wait (queued and delayed); more are refused. None: no limit."""
    rate: float
    """Tasks ended a second, over the last ten seconds."""
    p50_ms: float | None
    p99_ms: float | None
    """How long the latest tasks took, start to end; None before the first."""
    wait_p50_ms: float | None = None
    wait_p99_ms: float | None = None
    """How long the latest tasks waited, from their submission (or, where later, their time) to their start."""


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
    heard: float | None = None
    """When this daemon heard the last frame of it; None before the first. One that holds tasks and has been silent
    for the group's `lease` is `silent`, and is ended with the reason `silent`."""
    silent: bool = False
    bad: int = 0
    """Lines of this run that were no frames; they were ignored."""
    strays: int = 0
    """Frames of this run about tasks that it did not hold, in that attempt or any more; they were ignored."""


class InboxStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A public FIFO, each line of which becomes a task."""

    name: str
    to: tuple[str, ...]
    """The groups that get the tasks, each of them one a line."""
    path: str
    """Where to write."""
    paused: str | None = None
    """Why lines wait in the FIFO at the moment, one sentence; None while they are taken."""


class OutboxStatus(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """A public FIFO that gets a line for each task that ends."""

    name: str
    from_: tuple[str, ...]
    """The groups whose tasks they are."""
    path: str
    """Where to read."""
    lost: int
    """Lines that found no room, since nobody read in time; since the daemon started."""


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
    outboxes: tuple[OutboxStatus, ...] = ()
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


Priority = Annotated[int, Meta(ge=MIN_PRIORITY, le=MAX_PRIORITY)]
Word = Annotated[str, Meta(min_length=1, max_length=MAX_KEY)]
Seconds = Annotated[float, Meta(ge=0, le=1e10)]


class NewTask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A task to be, where its payload alone does not say it all. What it does not say, the query's parameters say."""

    payload: str
    priority: Priority | None = None
    """Higher ones go first."""
    after: Seconds | None = None
    """Seconds from now before which it is not begun; not together with `at`."""
    at: Seconds | None = None
    """Wall time before which it is not begun."""
    key: Word | None = None
    """A second submission to the group with the same key and payload is the same task; with another payload it is
    refused."""
    affinity: Word | None = None
    """Tasks of one affinity go to one worker, where the group's `balance` is `sticky`."""
    expires: Seconds | None = None
    """Seconds from now (where it has a time of its own, from then) after which it is given up if it has not begun."""


class Accepted(msgspec.Struct, frozen=True, omit_defaults=True):
    """Tasks that are on disk: ids `first_id` to `first_id + count - 1`."""

    first_id: int
    count: int
    existing: bool = False
    """Nothing was added: `first_id` is the task that has the key already."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one submit request had accepted; each range is first id and count."""

    ranges: tuple[tuple[int, int], ...]
    """New tasks."""
    accepted: int
    """How many these are."""
    existing: tuple[int, ...] = ()
    """Tasks that were there already, by their keys, in the order of the request."""


class AllAccepted(msgspec.Struct, frozen=True):
    """The last line of a stream of `Accepted` that was taken whole."""

    accepted: int
    """New tasks."""


class TaskList(msgspec.Struct, frozen=True):
    tasks: tuple[TaskRow, ...]
    """Newest first."""


class TaskProgress(msgspec.Struct, frozen=True, kw_only=True):
    """What the worker last said of a running task."""

    done: float
    total: float | None = None
    note: str = ""
    at: float


class Story(TaskStory, frozen=True, kw_only=True):
    """One task whole, as it is at this instant."""

    progress: TaskProgress | None = None
    """Only while it runs, and only if its worker says so."""
    cancelling: bool = False
    """Its worker has been asked to end it, and has not answered."""


class TaskEnd(msgspec.Struct, frozen=True):
    id: int
    state: Literal["done", "dead", "cancelled", "unknown"]
    """`unknown`: there is no such task."""


class TaskChoice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tasks to cancel or to retry: single ids, ranges as first id and count, and all tasks of a group that are in
    one of the states."""

    ids: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
    group: str | None = None
    states: tuple[State, ...] = ()
    """Only with `group`. None given: of a cancel, all that have not ended; of a retry, those that are dead."""


class TaskVerdict(msgspec.Struct, frozen=True):
    """What became of one task that was to be cancelled or retried."""

    id: int
    verdict: Verdict
    """Cancel: `cancelled` at once, `cancelling` (its worker was asked), `ended` (it was over). Retry: `retried`,
    `waiting` (it is not over), `done` (it has a result). Both: `unknown` (no such task), `unreadable` (the disk
    could not be read)."""


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
    """Submit only: what was accepted all the same: everything before the refused tasks, and perhaps some that were on
    their way together with them."""
    accepted: int | None = None
    existing: tuple[int, ...] | None = None
