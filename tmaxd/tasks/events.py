"""What the dispatcher is told (events), what it asks of the disk (queries), and what it wants done (effects).

All of it plain values. The driver's part, which the dispatcher's promises rest on:

1. It gives a step's `records` to the journal, and only then performs the step's `queries`, at once.
2. It performs the `effects` of a step, in order, once the step's records are on disk, and those of the
   earlier steps before.
3. A `Send` is dropped when its run is no longer alive, or its `life` is not the run's present one.
4. The results that a dead run left in its FIFO are given as `Frames` before its `Gone`.
5. What a run writes after its `ready` is given after its `Ready`, and what it wrote before, before.
6. `TakeBack` is performed in one piece: the unread records are taken back, what all living runs of the group have
   written so far is told (`Frames`, `Ready`), then `TakenBack`. It may wait for runs that are about to be known.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec

from tmaxd.tasks.frames import Form, Frame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import PLAIN, Found, Lease, Options, Page, State, TaskRecord

# ---------------------------------------------------------------------------------------- events


class Groups(msgspec.Struct, frozen=True):
    """Every group that takes tasks; replaces what was told before. A group that is gone keeps its queued
    tasks, hands none out and takes none; when it returns, it goes on."""

    policies: Mapping[str, GroupPolicy]


class Counts(msgspec.Struct, frozen=True):
    """What the journal holds, once, before anything but `Groups`. Fields as in `Recovered`."""

    counts: Mapping[str, Mapping[State, int]]
    lanes: Mapping[str, Sequence[int]] = {}
    next_due: Mapping[str, float] = {}
    next_expiry: Mapping[str, float] = {}


class Restored(msgspec.Struct, frozen=True):
    """The tasks that an earlier daemon left assigned. Each waits for its run to be `Adopted` or `Gone`; those of a
    shared FIFO, which name no run, for word of all runs that may read it."""

    leases: Sequence[Lease]
    runs: Sequence[tuple[str, str, str]] = ()
    """(worker, group, run) of all runs of the earlier daemon that may not be over."""


class Submit(msgspec.Struct, frozen=True):
    """New tasks, a copy of each for every group; all or none. Answered by `Accepted` or `Denied` with the same
    token; with `options.key` after a look at the disk."""

    token: int
    groups: tuple[str, ...]
    payloads: Sequence[str]
    options: Options = PLAIN
    max_queue: int | None = None
    """Refuse if more than so many would wait in a group; the group's own limit holds as well."""


class Cancel(msgspec.Struct, frozen=True):
    """End these tasks; answered by `Verdicts`. What is running is asked to end and answers later."""

    token: int
    ids: Sequence[int]


class Retry(msgspec.Struct, frozen=True):
    """Have these tasks, dead or cancelled ones, tried again from the beginning; answered by `Verdicts`."""

    token: int
    ids: Sequence[int]


class Adopted(msgspec.Struct, frozen=True):
    """A run of an earlier daemon lives on and had said that it was ready. What it holds is sent again."""

    worker: str
    group: str
    run: str
    window: int
    form: Form
    batch: bool = False
    shared: bool = False
    """It was started to pull from the FIFO that its group shares."""
    beats: bool = False
    """It has sent a heartbeat to an earlier daemon."""


class Ready(msgspec.Struct, frozen=True):
    """A `ready` frame of a living run. Another one of the same run means that the program began anew
    inside its pane and knows nothing of what it held. The driver then first counts `life` up and empties
    the tasks FIFO, so that no frame of the former life reaches the new one."""

    worker: str
    group: str
    run: str
    window: int
    form: Form
    life: int = 0
    batch: bool = False
    """It takes and sends many tasks in one frame."""
    shared: bool = False
    """As in `Adopted`."""


class Frames(msgspec.Struct, frozen=True):
    """What a run wrote, in order. `ready` frames in it count as a sign of life and no more."""

    worker: str
    run: str
    frames: Sequence[Frame]
    texts: Mapping[str, str | None] = {}
    """What stands in the result files that the frames name, for groups whose `reads_results` is set; None of a file
    that cannot be read or is longer than a payload may be."""


class Gone(msgspec.Struct, frozen=True):
    """The run is certainly dead, and all that it left behind. `unread`: what stood unread in its tasks
    FIFO. `excused`: it ended for a reason that has nothing to do with its tasks (an operator, the spec, the
    tmux server), so that what it had begun costs no attempt."""

    worker: str
    run: str
    unread: bytes
    excused: bool = False


class TakenBack(msgspec.Struct, frozen=True):
    """`TakeBack` was performed. `unread`: (id, attempt) of the tasks that stood in the FIFO."""

    group: str
    unread: Collection[tuple[int, int]]


class Hold(msgspec.Struct, frozen=True):
    """Give the worker no new task, or do again. Ends by itself with the run that it has now."""

    worker: str
    held: bool


class Loaded(msgspec.Struct, frozen=True):
    """Answer to `LoadPage`; None: the read failed."""

    group: str
    priority: int
    page: Page | None


class DueLoaded(msgspec.Struct, frozen=True):
    """Answer to `LoadDue`; None: the read failed."""

    group: str
    page: Page | None


class ExpiredLoaded(msgspec.Struct, frozen=True):
    """Answer to `LoadExpired`; None: the read failed."""

    group: str
    page: Page | None


class TasksFound(msgspec.Struct, frozen=True):
    """Answer to `FindTasks`; None: the read failed."""

    token: int
    tasks: Sequence[Found] | None


class KeyFound(msgspec.Struct, frozen=True):
    """Answer to `FindKey`: the task that has the key, and its payload."""

    token: int
    found: tuple[int, str] | None
    failed: bool = False


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = (
    Groups
    | Counts
    | Restored
    | Submit
    | Cancel
    | Retry
    | Adopted
    | Ready
    | Frames
    | Gone
    | TakenBack
    | Hold
    | Loaded
    | DueLoaded
    | ExpiredLoaded
    | TasksFound
    | KeyFound
    | Tick
)

# --------------------------------------------------------------------------------------- queries


class LoadPage(msgspec.Struct, frozen=True):
    """`Journal.page`, answered by `Loaded`."""

    group: str
    priority: int
    after: int
    limit: int


class LoadDue(msgspec.Struct, frozen=True):
    """`Journal.due` with this step's time, answered by `DueLoaded`."""

    group: str
    limit: int


class LoadExpired(msgspec.Struct, frozen=True):
    """`Journal.expired` with this step's time, answered by `ExpiredLoaded`."""

    group: str
    limit: int


class FindTasks(msgspec.Struct, frozen=True):
    """`Journal.find`, answered by `TasksFound` with the same token."""

    token: int
    ids: Sequence[int]


class FindKey(msgspec.Struct, frozen=True):
    """`Journal.find_key`, answered by `KeyFound` with the same token."""

    token: int
    group: str
    key: str


Query = LoadPage | LoadDue | LoadExpired | FindTasks | FindKey

# --------------------------------------------------------------------------------------- effects


class Spool(msgspec.Struct, frozen=True):
    """Write the payload file that a frame to follow names; whole or not at all."""

    id: int
    path: str
    payload: str | None
    """None: an earlier daemon has most likely written it; where it is missing, the payload stands in the
    journal (`Journal.story`)."""


class Unspool(msgspec.Struct, frozen=True):
    """Remove the payload file; it may be gone already."""

    id: int
    path: str


class Send(msgspec.Struct, frozen=True):
    """Whole frames for the worker's tasks FIFO, if `run` is still the one that reads it."""

    worker: str
    run: str
    data: bytes
    life: int = 0


class SendShared(msgspec.Struct, frozen=True):
    """Whole records for the tasks FIFO that the group shares."""

    group: str
    data: bytes


class TakeBack(msgspec.Struct, frozen=True):
    """Take back what nobody has read of the FIFO that the group shares; answered by `TakenBack`. Nothing is written to
    it before that."""

    group: str


class Control(msgspec.Struct, frozen=True):
    """Whole frames for the worker's control FIFO, under the same condition as `Send`."""

    worker: str
    run: str
    data: bytes
    life: int = 0


class Accepted(msgspec.Struct, frozen=True):
    """The tasks of this `Submit` are on disk; their ids follow each other, all of the first group first."""

    token: int
    first_id: int
    count: int
    existing: bool = False
    """The key was known: `first_id` is the task that has it, and nothing was added."""


DenyReason = Literal[
    "unknown_group",
    "bad_payload",
    "payload_too_large",
    "bad_option",
    "queue_full",
    "key_conflict",
    "journal",
]


class Denied(msgspec.Struct, frozen=True):
    """Nothing of this `Submit` was taken."""

    token: int
    reason: DenyReason
    message: str


Verdict = Literal[
    "cancelled", "cancelling", "retried", "waiting", "ended", "done", "unknown", "unreadable"
]
"""What became of a task that was to be cancelled or retried. Cancel: `cancelled` at once, `cancelling` (its worker
is asked), `ended` (it was over). Retry: `retried`, `waiting` (not over), `done` (it has a result). `unknown`: no such
task. `unreadable`: the disk could not be read."""


class Verdicts(msgspec.Struct, frozen=True):
    """The answer to a `Cancel` or `Retry`, when it is on disk."""

    token: int
    tasks: Sequence[tuple[int, Verdict]]


class Publish(msgspec.Struct, frozen=True):
    """Whole lines for an outbox, one for each task that ended."""

    outbox: str
    lines: Sequence[bytes]


class Ended(msgspec.Struct, frozen=True):
    """Tasks that are over, for whoever waits for them."""

    tasks: Sequence[tuple[int, Literal["done", "dead", "cancelled"]]]


Effect = (
    Spool
    | Unspool
    | Send
    | SendShared
    | TakeBack
    | Control
    | Accepted
    | Denied
    | Verdicts
    | Publish
    | Ended
)


class Step(msgspec.Struct, frozen=True):
    records: list[TaskRecord]
    effects: list[Effect]
    queries: list[Query]
    wake_at: float | None
    """Wall time at which a step is due even if nothing happens."""
    strays: Mapping[str, int] = {}
    """How many frames about tasks that were not theirs workers sent, for the log."""
