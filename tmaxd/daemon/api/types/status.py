"""The fleet at one instant."""

from __future__ import annotations

from typing import Literal

import msgspec

from tmaxd.daemon.api.types.cleanup import CleanupStatus
from tmaxd.daemon.api.types.conditions import Condition
from tmaxd.daemon.api.types.flags import FlagOverride
from tmaxd.daemon.api.types.revisions import RolledBackGroup
from tmaxd.daemon.api.types.spec import SpecStatus
from tmaxd.daemon.api.types.usage import ContainmentStatus, FleetUsage, Usage, UsageTotal

WorkerState = Literal[
    "absent",
    "starting",
    "running",
    "idle",
    "busy",
    "draining",
    "stopping",
    "unhealthy",
    "backoff",
    "quarantined",
    "waiting",
    "stopped",
    "finished",
    "failed",
]
"""`running` is an alive worker of kind `run`; `idle` and `busy` are those that take tasks. `unhealthy` ones live, and
do not work. `backoff` and `quarantined` ones are started again at `next_start`, `waiting` ones when another group is so
far (`waits`). `stopped`: by an operator. `finished` and `failed` ones are not started again by themselves."""

Channel = Literal["control", "plain", "down"]


class Ping(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers."""

    fleet: str
    pid: int
    version: str
    spec: str
    """Absolute path of the spec file."""


class TmuxStatus(msgspec.Struct, frozen=True, kw_only=True):
    server_pid: int | None
    version: str
    channel: Channel
    """`plain`: the control-mode client is lost and each command costs a process."""
    socket: str


class ChainLink(msgspec.Struct, frozen=True, kw_only=True):
    """How far the start of a group is, and what it waits or waited for."""

    after: tuple[str, ...] = ()
    """`db: ready`: what must hold before a worker of it is started."""
    waits: str = ""
    """Of these, what does not hold yet while a worker waits for it."""
    started: float | None = None
    """When the last of the living workers was started; None while one is missing."""
    ready: float | None = None
    """When the last of them was ready; None while one is not."""


class PoolStatus(msgspec.Struct, frozen=True, kw_only=True):
    """The spares of a group. Hits and misses are counted since the daemon started."""

    size: int
    """As many as there should be."""
    ready: int
    """Those that can be taken now."""
    starting: int
    """Those that live and cannot be taken yet, or any more."""
    oldest: float | None = None
    """Seconds since the oldest of those that live was started; None: there is none."""
    hits: int = 0
    """How often a spare became a worker."""
    misses: int = 0
    """How often one was wanted and there was none, so that a worker was started in the ordinary way."""
    last_miss: str = ""
    """Why there was none the last time."""


class GroupStatus(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    kind: Literal["run", "serve", "task"]
    count: int
    """As many as there should be."""
    in_file: int
    """As many as the file says, which differs where an operator has scaled the group."""
    revision: int
    """The revision that what holds for the group comes from."""
    rolled_back: RolledBackGroup | None = None
    """The file says something else that has failed; None: what it says holds."""
    outdated: int = 0
    """Workers that still run what was there before a change."""
    pool: PoolStatus | None = None
    """None: the group has none, and never had one that still lives."""
    chain: ChainLink = ChainLink()
    conditions: tuple[Condition, ...] = ()
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
    usage: UsageTotal = UsageTotal()
    """What its workers use together; spares are not among them."""


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
    held_by: tuple[Literal["pinned", "attached", "busy"], ...] = ()
    """What a replacement that is `pending` waits for, what may last longest first; empty: for its turn. `attached`:
    somebody looks at its terminal."""
    wanted_revision: int = 0
    """The revision that it should run; `outdated` says whether it does."""
    outdated: tuple[str, ...] = ()
    """The fields in which what it runs differs from that."""
    healthy: bool | None = None
    """What its health check says; None: there is none, or it has not said anything yet."""
    waits: str = ""
    """`db: ready`: what its start waits for; or, while groups go away, which group has to be gone before."""
    orders: tuple[Literal["stop", "drain", "restart", "pause", "pin"], ...] = ()
    """What operators have asked of it, and what holds."""
    crashes: int = 0
    """In a row."""
    conditions: tuple[Condition, ...] = ()
    heard: float | None = None
    """When this daemon heard the last frame of it; None before the first. One that holds tasks and has been silent
    for the group's `lease` is `silent`, and is ended with the reason `silent`."""
    silent: bool = False
    bad: int = 0
    """Lines of this run that were no frames; they were ignored."""
    usage: Usage | None = None
    """What its process tree uses; None: that was not measured yet, or it has no process."""
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


class RouteStatus(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What the end of a task in one of some groups brings about in others."""

    from_: tuple[str, ...]
    to: tuple[str, ...]
    """Each of them gets a task."""
    when: Literal["done", "dead", "any"]
    payload: str
    """The template of the new task's payload."""
    max_hops: int | None
    """How many routes may lie between a task and the one that somebody submitted; None: any number, of a route that
    is in no circle."""


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
    """The last look at the world was whole, and found nothing left to do but what pins hold back."""
    conditions: tuple[Condition, ...] = ()
    tmux: TmuxStatus
    groups: tuple[GroupStatus, ...]
    workers: tuple[WorkerStatus, ...]
    usage: FleetUsage | None = None
    """None before the first sample."""
    containment: ContainmentStatus = ContainmentStatus()
    inboxes: tuple[InboxStatus, ...] = ()
    """Those of the spec in force."""
    outboxes: tuple[OutboxStatus, ...] = ()
    routes: tuple[RouteStatus, ...] = ()
    """In the order of the spec."""
    leftovers: tuple[Leftover, ...] = ()
    flags: tuple[FlagOverride, ...] = ()
    """What operators have set of the feature flags."""
    foreign: tuple[str, ...] = ()
    """Sessions on the fleet's tmux socket that are not the daemon's; it never touches them."""
    problems: tuple[str, ...] = ()
    """Standing problems, each one sentence."""
    cleanups: tuple[CleanupStatus, ...] = ()
    """Those that are run by themselves."""
    journal: JournalStatus


class Stopping(msgspec.Struct, frozen=True, kw_only=True):
    """The shutdown has begun: workers are stopped, then the daemon exits."""

    outcome: Literal["stopping"] = "stopping"
    pid: int
