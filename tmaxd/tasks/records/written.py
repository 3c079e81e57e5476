"""Records: what the journal is told."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import msgspec

from tmaxd.tasks.records.fleet import FleetRecord
from tmaxd.tasks.records.words import PLAIN, Options, Outcome, Waiting


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
    timeout: float | None = None
    """Seconds that each of them may take, as their frames say: whatever the spec says later, until these attempts
    end. None: any time."""


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
    log_file: int = 0
    log_size: int = 0
    """Where its output begins in its worker's log: inode (0: there was no file yet) and bytes."""


class RunReady(msgspec.Struct, frozen=True, gc=False):
    """What is known of a run beyond its start. What was true once stays so."""

    run: str
    window: int
    form: Literal["json", "tsv"]
    batch: bool = False
    beats: bool = False
    """It has sent a heartbeat, so its silence means something."""
    said: bool = True
    """It has said `ready` on its results FIFO; the four above are what it said."""
    ready: bool = True
    """It was ready: it has said so where it has to, and passed the check of its group where there is one."""


class RunTaken(msgspec.Struct, frozen=True, gc=False):
    """A spare has become a worker: from here on it counts as that worker's run."""

    run: str
    worker: str
    at: float
    log_file: int
    log_size: int
    """Where its output begins in its new log, as in `RunStarted`."""


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
    cause: str = ""
    """Why, where the file did not say so."""


TaskRecord = Submitted | Assigned | Delivered | Released | Done | Requeued | Closed | Revived

RunRecords = RunStarted | RunReady | RunTaken | RunEnded

Record = TaskRecord | RunRecords | RevisionApplied | FleetRecord
