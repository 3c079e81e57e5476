"""Effects: what the dispatcher wants done; and all that one step brings about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec

from tmaxd.tasks.events.queries import Query
from tmaxd.tasks.records import Purged, State, TaskRecord


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
    state: State | None = None
    """Of that task, as the disk had it when it was looked for: perhaps it is over, and will not run again."""


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
    "cancelled",
    "cancelling",
    "retried",
    "waiting",
    "ended",
    "done",
    "no_payload",
    "unknown",
    "unreadable",
]
"""What became of a task that was to be cancelled or retried. Cancel: `cancelled` at once, `cancelling` (its worker
is asked), `ended` (it was over). Retry: `retried`, `waiting` (not over), `done` (it has a result),
`no_payload` (a route could not make its payload, so there is nothing to try). `unknown`: no such task.
`unreadable`: the disk could not be read."""


class Verdicts(msgspec.Struct, frozen=True):
    """The answer to a `Cancel` or `Retry`, when it is on disk."""

    token: int
    tasks: Sequence[tuple[int, Verdict]]


class Forgotten(msgspec.Struct, frozen=True):
    """The answer to a `Forget`. None: nothing has changed, and `trouble` says why."""

    token: int
    purged: Purged | None
    trouble: str = ""


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
    | Forgotten
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
