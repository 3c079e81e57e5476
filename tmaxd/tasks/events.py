"""What the dispatcher is told (events), what it asks of the disk (queries), and what it wants done (effects).

All of it plain values. The driver's part, which the dispatcher's promises rest on:

1. It gives a step's `records` to the journal, and only then performs the step's `queries`, at once.
2. It performs the `effects` of a step, in order, once the step's records are on disk, and those of the
   earlier steps before.
3. A `Send` is dropped when its run is no longer alive, or its `life` is not the run's present one.
4. The results that a dead run left in its FIFO are given as `Frames` before its `Gone`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from tmaxd.tasks.frames import Form, Frame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Lease, Page, State, TaskRecord

# ---------------------------------------------------------------------------------------- events


class Groups(msgspec.Struct, frozen=True):
    """Every group that takes tasks; replaces what was told before. A group that is gone keeps its queued
    tasks, hands none out and takes none; when it returns, it goes on."""

    policies: Mapping[str, GroupPolicy]


class Counts(msgspec.Struct, frozen=True):
    """What the journal holds, once, before anything but `Groups`."""

    counts: Mapping[str, Mapping[State, int]]
    next_due: Mapping[str, float] = {}


class Restored(msgspec.Struct, frozen=True):
    """The tasks that an earlier daemon left assigned. Each waits for its run to be `Adopted` or `Gone`."""

    leases: Sequence[Lease]


class Submit(msgspec.Struct, frozen=True):
    """New tasks; answered by `Accepted` or `Denied` with the same token."""

    token: int
    group: str
    payloads: Sequence[str]


class Adopted(msgspec.Struct, frozen=True):
    """A run of an earlier daemon lives on and had said that it was ready. What it holds is sent again."""

    worker: str
    group: str
    run: str
    window: int
    form: Form


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


class Frames(msgspec.Struct, frozen=True):
    """What a run wrote, in order. `ready` frames in it count as a sign of life and no more."""

    worker: str
    run: str
    frames: Sequence[Frame]


class Gone(msgspec.Struct, frozen=True):
    """The run is certainly dead, and all that it left behind. `unread`: what stood unread in its tasks
    FIFO. `excused`: it ended for a reason that has nothing to do with its tasks (an operator, the spec, the
    tmux server), so that what it had begun costs no attempt."""

    worker: str
    run: str
    unread: bytes
    excused: bool = False


class Hold(msgspec.Struct, frozen=True):
    """Give the worker no new task, or do again. Ends by itself with the run that it has now."""

    worker: str
    held: bool


class Loaded(msgspec.Struct, frozen=True):
    """Answer to `LoadPage`; None: the read failed."""

    group: str
    page: Page | None


class DueLoaded(msgspec.Struct, frozen=True):
    """Answer to `LoadDue`; None: the read failed."""

    group: str
    page: Page | None


class Tick(msgspec.Struct, frozen=True):
    """Time has passed."""


Event = (
    Groups
    | Counts
    | Restored
    | Submit
    | Adopted
    | Ready
    | Frames
    | Gone
    | Hold
    | Loaded
    | DueLoaded
    | Tick
)

# --------------------------------------------------------------------------------------- queries


class LoadPage(msgspec.Struct, frozen=True):
    """`Journal.page`, answered by `Loaded`."""

    group: str
    after: int
    limit: int


class LoadDue(msgspec.Struct, frozen=True):
    """`Journal.due` with this step's time, answered by `DueLoaded`."""

    group: str
    limit: int


Query = LoadPage | LoadDue

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


class Accepted(msgspec.Struct, frozen=True):
    """The tasks of this `Submit` are on disk; their ids follow each other."""

    token: int
    first_id: int
    count: int


DenyReason = Literal["unknown_group", "bad_payload", "payload_too_large"]


class Denied(msgspec.Struct, frozen=True):
    """Nothing of this `Submit` was taken."""

    token: int
    reason: DenyReason
    message: str


class Ended(msgspec.Struct, frozen=True):
    """Tasks that are over, for whoever waits for them."""

    tasks: Sequence[tuple[int, Literal["done", "dead"]]]


Effect = Spool | Unspool | Send | Accepted | Denied | Ended


class Step(msgspec.Struct, frozen=True):
    records: list[TaskRecord]
    effects: list[Effect]
    queries: list[Query]
    wake_at: float | None
    """Wall time at which a step is due even if nothing happens."""
