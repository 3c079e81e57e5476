"""What the journal is told (records), and what it answers (pages, rows, stories)."""

from __future__ import annotations

from typing import Literal

import msgspec

State = Literal["queued", "delayed", "sent", "running", "done", "dead"]
"""`sent` and `running` are one state on disk (`sent`): that a task has started is known from its worker."""

Outcome = Literal["done", "failed", "temporary", "timeout", "lost", "unsent", "interrupted"]
"""How one attempt ended. `lost`: the run died with it. `unsent`: it never began. `interrupted`: the run was ended
for a reason that has nothing to do with the task."""

UNCOUNTED: frozenset[Outcome] = frozenset({"unsent", "interrupted"})
"""Attempts that are not spent: the next one has the same number."""


class Submitted(msgspec.Struct, frozen=True, gc=False):
    id: int
    group: str
    payload: str
    at: float
    """Wall time, as every `at`, `sent`, `started`, `due` and `ended` here."""


class Assigned(msgspec.Struct, frozen=True, gc=False):
    id: int
    group: str
    attempt: int
    worker: str
    run: str
    at: float
    delayed: bool = False
    """It was `delayed` on disk until now, not `queued`; the journal keeps its counts by this."""


class Requeued(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An attempt ended and the task will be tried again, at `due` or (None) as soon as may be."""

    id: int
    group: str
    attempt: int
    worker: str
    run: str
    outcome: Outcome
    error: str
    started: float | None
    at: float
    due: float | None


class Finished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last attempt ended; `state` is final."""

    id: int
    group: str
    state: Literal["done", "dead"]
    attempt: int
    worker: str
    run: str
    outcome: Outcome
    started: float | None
    at: float
    result: str | None = None
    result_file: str | None = None
    error: str | None = None


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


TaskRecord = Submitted | Assigned | Requeued | Finished
Record = TaskRecord | RunStarted | RunReady | RunEnded | RevisionApplied


class Queued(msgspec.Struct, frozen=True, gc=False):
    """A task that waits, as the disk has it. `attempt` counts the attempts already spent; `at` is when
    it was submitted."""

    id: int
    payload: str
    attempt: int
    at: float


HELD_PAYLOAD = 4096
"""Characters. A longer payload never fits a frame, so it stands in its payload file while the task is in
flight, and memory does not hold it: that bounds what the tasks in flight cost."""


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


PAGE_CHARS = 4 * 1024 * 1024
"""Characters of payload after which a page ends early, so that no page costs more memory than the queue it
fills; a page that has anything to give holds at least one task."""


class Page(msgspec.Struct, frozen=True):
    """Some waiting tasks, oldest first. `more`: the disk holds further ones of the same kind that could
    have been in it. `next_due`: (delayed only) when the earliest of the others is due, wall time."""

    tasks: tuple[Queued, ...]
    more: bool
    next_due: float | None = None


class TaskFilter(msgspec.Struct, frozen=True, kw_only=True):
    group: str | None = None
    states: tuple[State, ...] = ()
    ids: tuple[int, ...] = ()
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
    error: str | None = None


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int
    worker: str
    run: str
    outcome: Outcome
    error: str
    started: float | None
    ended: float


class TaskStory(msgspec.Struct, frozen=True, kw_only=True):
    """One task whole."""

    task: TaskRow
    payload: str
    result: str | None
    result_file: str | None
    attempts: tuple[AttemptRow, ...]
    """The earlier ones; the last stands in `task`."""
