"""The spec as frozen typed values: what the rest of the program sees.

Defaults are filled in, `defaults:` merged, `include:` and `${VAR}` resolved, paths absolute. A field stands
here only when it works. What may be written in a file, and the schema made from it, is `file_model`.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tmaxd.spec.limits import MaxAge, MaxTasks, Memory, WorkerMemory
from tmaxd.spec.sealed import Sealed
from tmaxd.spec.supervision import After, Health, Pool, Ready, Restart, Rollout, Stop
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.upkeep import Cleanup, Store

NAME_PATTERN = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
"""Group, inbox, outbox and fleet names: safe as a file name, a tmux target (no `.` or `:`) and a label."""

MAX_NAME = 40
MAX_COUNT = 1000


Kind = Literal["run", "serve", "task"]
Argv = Annotated[tuple[str, ...], Meta(min_length=1)]
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Attempts = Annotated[int, Meta(ge=1, le=100)]
Window = Annotated[int, Meta(ge=1, le=1024)]
Balance = Literal["least_loaded", "round_robin", "fastest", "sticky"]
Layout = Literal["dedicated", "shared"]
When = Literal["done", "dead", "any"]
MaxQueue = Annotated[int, Meta(ge=1, le=100_000_000)]
MaxHops = Annotated[int, Meta(ge=1, le=100)]


class Backoff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Delay before the next try: `first`, doubled each time, never more than `max`."""

    first: Duration = Duration(1)
    max: Duration = Duration(60)


class Retry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How often a task that fails is tried, in all. Tasks that fail for a passing cause (exit status 75, a
    worker that died) get at least 3 attempts."""

    attempts: Attempts = 1
    backoff: Backoff = Backoff()


class Group(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`count` workers of one kind, resolved."""

    kind: Kind
    argv: Argv
    count: Count = 1
    env: dict[str, str] = {}
    """What `env` says; it lies over what stands in `env_file`."""
    env_file: Sealed | None = None
    cwd: str
    """Absolute."""
    stop: Stop = Stop()
    restart: Restart = Restart()
    ready: Ready | None = None
    """None: `serve` and `task` workers say it by a frame, others are ready when they run."""
    health: Health | None = None
    after: tuple[After, ...] = ()
    rollout: Rollout = Rollout()
    pool: Pool | None = None
    timeout: Duration | None = None
    """Seconds a task may take."""
    retry: Retry = Retry()
    window: Window | None = None
    """The most tasks in flight a worker; None: what the worker's `ready` frame asks for."""
    balance: Balance = "least_loaded"
    max_queue: MaxQueue | None = None
    """Tasks that may wait; None: any number."""
    expire: Duration | None = None
    """Seconds after its submission in which a task must begin."""
    lease: Duration | None = Duration(60)
    """Seconds that a worker may be silent while it holds tasks; None: for ever."""
    layout: Layout = "dedicated"
    layout_by: Literal["file", "flag"] | None = None
    """Who is behind `layout`, where it does not go without saying: `file` of a dedicated one that somebody has asked
    for, `flag` of a shared one that nobody has. See `layouts`."""
    memory: WorkerMemory = WorkerMemory()
    """With what `memory.worker` of the file says worked in."""
    max_tasks: MaxTasks | None = None
    """Replaced at the next idle moment after so many."""
    max_age: MaxAge | None = None


class Inbox(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Each line becomes a task in each of these groups."""

    to: tuple[str, ...]


class Outbox(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gets a line for each task of these groups that ends."""

    sources: tuple[str, ...] = msgspec.field(name="from")


class Route(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The end of a task of one of `sources` makes a task in each of `to`."""

    sources: tuple[str, ...] = msgspec.field(name="from")
    to: tuple[str, ...]
    when: When = "done"
    payload: str = "{result}"
    """A template; what may stand in it is the affair of `tmaxd.templates`."""
    max_hops: MaxHops | None = None


class Pipes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    layout: Layout = "dedicated"
    """Worked into the groups already."""
    capacity: Size = Size(256 * 1024)
    inboxes: dict[str, Inbox] = {}
    outboxes: dict[str, Outbox] = {}
    routes: tuple[Route, ...] = ()


class Hook(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A command that is run on an event; the event is on its standard input, as one line of JSON."""

    argv: Argv
    timeout: Duration = Duration(30)


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fleet, whole and checked."""

    fleet: str
    workers: dict[str, Group]
    pipes: Pipes = Pipes()
    on: dict[str, tuple[Hook, ...]] = {}
    """Event name, or `*`, to the commands that are run on it."""
    memory: Memory = Memory()
    cleanup: tuple[Cleanup, ...] = ()
    store: Store = Store()
    flags: dict[str, bool] = {}
    """Only what the file says; see `tmaxd.spec.flags`."""


def worker_name(group: str, number: int) -> str:
    return f"{group}-{number}"
