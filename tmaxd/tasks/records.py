"""What the journal is told (records), and what it answers (pages, rows, stories)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

State = Literal["queued", "delayed", "sent", "running", "done", "dead", "cancelled"]
"""`sent` and `running` are known from the leases, not from a task's row; that a task has started is known from its
worker only, so the disk calls it `sent`."""

Waiting = Literal["queued", "delayed"]
"""What a task's row says until its end is written: a task that is in flight keeps the one it had."""

Outcome = Literal[
    "done",
    "failed",
    "temporary",
    "timeout",
    "lost",
    "unsent",
    "returned",
    "interrupted",
    "cancelled",
    "expired",
]
"""How one attempt ended. `lost`: the run died with it. `unsent`: it never began. `returned`: its worker, which lives
on, gave it back before it began. `interrupted`: the run was ended for a reason that has nothing to do with the task.
`expired`: its time was over before it began."""

UNCOUNTED: frozenset[Outcome] = frozenset({"unsent", "interrupted"})
"""Attempts that are not spent: the next one has the same number, which is safe since nobody has it any more. A
`returned` one counts against no limit either, but keeps its number: a frame of it may still be under way to its
worker."""

MIN_PRIORITY, MAX_PRIORITY = -10, 10
"""Of two tasks that wait in a group, the one with the higher priority goes first."""

MAX_KEY = 200
"""Characters of a key or an affinity."""


class Options(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What may be asked for a task beside its payload; the same for all tasks of one submit."""

    priority: int = 0
    due: float | None = None
    """Not before this wall time."""
    expires: float | None = None
    """A task that has not begun by this wall time ends `dead`, outcome `expired`."""
    key: str | None = None
    """A second submit to the group with the same key is the same task. One task a submit then."""
    affinity: str | None = None
    """Tasks of one affinity go to one worker where the group's balance is `sticky`."""
    source: int | None = None
    """The task whose end made this one, by a route."""
    hops: int = 0
    """Routes between this task and the one that somebody submitted."""


PLAIN = Options()


class Submitted(msgspec.Struct, frozen=True, gc=False):
    """Tasks `first_id`, `first_id + 1`, … of one submit; `delayed` on disk where `options.due` is set, else
    `queued`."""

    first_id: int
    group: str
    payloads: Sequence[str]
    at: float
    """Wall time, as every `at`, `sent`, `started`, `due` and `ended` here."""
    options: Options = PLAIN


class Assigned(msgspec.Struct, frozen=True, gc=False):
    """Tasks about to be written to a worker in one piece: a lease on disk, under a number of its own. The rows of
    the tasks stay as they are. Worker and run are empty where it is the FIFO that a group shares."""

    send: int
    group: str
    worker: str
    run: str
    ids: Sequence[int]
    attempts: Sequence[int]
    at: float


class Delivered(msgspec.Struct, frozen=True, gc=False):
    """No task of these leases is with the worker any more: the leases are forgotten."""

    sends: Sequence[int]


class Released(msgspec.Struct, frozen=True, gc=False):
    """The run is dead, and what it held has been requeued or ended by the records just before: all its leases are
    forgotten."""

    run: str


DoneTask = tuple[int, int, float, float | None, str | None, str | None]
"""(id, attempt, sent, started, result, result file)"""


class Done(msgspec.Struct, frozen=True, gc=False):
    """Tasks that one run has done, as one step heard it."""

    group: str
    worker: str
    run: str
    at: float
    tasks: Sequence[DoneTask]
    delayed: int = 0
    """How many of them the disk calls `delayed`."""


class Requeued(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt ended and the task will be tried again, at `due` or (None) as soon as may be. An uncounted one
    comes only before the `Released` of its run, or the `Delivered` of its send. By a `returned` one the task's `base`
    grows by one, beside its `attempt`."""

    id: int
    group: str
    attempt: int
    worker: str
    run: str
    outcome: Outcome
    error: str
    sent: float
    started: float | None
    at: float
    due: float | None
    was: Waiting
    """What the disk calls the task."""


class Closed(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task is over without a result."""

    id: int
    group: str
    state: Literal["dead", "cancelled"]
    attempt: int
    """The last one that began, 0 of none."""
    worker: str | None
    run: str | None
    outcome: Outcome
    sent: float | None
    started: float | None
    at: float
    error: str
    was: Waiting


class Revived(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task that was over waits again, `delayed`, due at once and without an expiry. The attempts behind it stay in
    its story and keep their numbers, since workers answer a number they know with the result they remember: its row
    keeps `attempt`, and its `base` becomes that."""

    id: int
    group: str
    at: float
    was: Literal["dead", "cancelled"]


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    run: str
    worker: str
    pid: int
    start: int
    boot_id: str
    server_pid: int
    server_started: int
    revision: int
    at: float


class RunReady(msgspec.Struct, frozen=True, gc=False):
    run: str
    window: int
    form: Literal["json", "tsv"]
    batch: bool = False
    beats: bool = False
    """It has sent a heartbeat, so its silence means something."""


class RunEnded(msgspec.Struct, frozen=True, gc=False):
    run: str
    status: int | None
    signal: int | None
    reason: str
    at: float


class RevisionApplied(msgspec.Struct, frozen=True, gc=False):
    number: int
    digest: str
    text: str
    at: float


TaskRecord = Submitted | Assigned | Delivered | Released | Done | Requeued | Closed | Revived
Record = TaskRecord | RunStarted | RunReady | RunEnded | RevisionApplied


class Queued(msgspec.Struct, frozen=True, gc=False):
    """A task that waits, as the disk has it. `attempt` counts the attempts already spent; `at` is when
    it was submitted. Leased ones are among them."""

    id: int
    payload: str
    attempt: int
    at: float
    priority: int = 0
    expires: float | None = None
    affinity: str | None = None
    hops: int = 0
    base: int = 0
    """Attempts that count against no limit: those before it was `Revived`, and those that were `returned`."""


HELD_PAYLOAD = 4096
"""Characters. A longer payload never fits a frame, so it stands in its payload file while the task is in
flight, and memory does not hold it: that bounds what the tasks in flight cost. But for those of groups whose routes
say `{payload}`: they cost up to a payload each, window x workers x 1 MiB."""


class Lease(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A task that is assigned on disk and whose fate is not known."""

    id: int
    group: str
    attempt: int
    worker: str
    run: str
    payload: str | None
    """None: longer than HELD_PAYLOAD."""
    at: float
    """When it was submitted."""
    sent: float
    send: int
    """The number of its `Assigned`."""
    was: Waiting = "queued"
    priority: int = 0
    expires: float | None = None
    affinity: str | None = None
    hops: int = 0
    base: int = 0
    """As in `Queued`."""


PAGE_CHARS = 4 * 1024 * 1024
"""Characters of payload after which a page ends early, so that no page costs more memory than the queue it
fills; a page that has anything to give holds at least one task."""


class Page(msgspec.Struct, frozen=True):
    """Some waiting tasks, oldest first. `more`: the disk holds further ones of the same kind that could
    have been in it. `next_due`: (delayed only) when the earliest of the others is due, wall time."""

    tasks: tuple[Queued, ...]
    more: bool
    next_due: float | None = None


class Found(msgspec.Struct, frozen=True, gc=False):
    """What the disk knows of a task that somebody named."""

    id: int
    group: str
    state: State
    """`sent` where a lease names it."""
    attempt: int
    """Attempts spent, while it waits."""
    at: float


class TaskFilter(msgspec.Struct, frozen=True, kw_only=True):
    group: str | None = None
    states: tuple[State, ...] = ()
    ids: tuple[int, ...] = ()
    worker: str | None = None
    """Those that it has, or had last."""
    key: str | None = None
    source: int | None = None
    """Those that the end of this task made."""
    before: int | None = None
    """Only ids below this one: pages go from the newest to the oldest."""
    limit: int = 100


class TaskRow(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    group: str
    state: State
    attempt: int
    submitted: float
    payload: str
    """The first 200 characters."""
    worker: str | None = None
    run: str | None = None
    due: float | None = None
    sent: float | None = None
    started: float | None = None
    ended: float | None = None
    outcome: Outcome | None = None
    """Of the last attempt that ended."""
    error: str | None = None
    priority: int = 0
    key: str | None = None
    affinity: str | None = None
    expires: float | None = None
    source: int | None = None
    hops: int = 0


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int
    worker: str
    run: str
    outcome: Outcome
    error: str
    sent: float
    started: float | None
    ended: float


class TaskStory(msgspec.Struct, frozen=True, kw_only=True):
    """One task whole."""

    task: TaskRow
    payload: str
    result: str | None
    result_file: str | None
    attempts: tuple[AttemptRow, ...]
    """The earlier ones, those that were not counted too; the last stands in `task`."""
