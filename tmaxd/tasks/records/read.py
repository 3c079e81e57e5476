"""What the journal answers: pages of waiting tasks, leases, rows of the task table, stories."""

from __future__ import annotations

import msgspec

from tmaxd.tasks.records.words import Outcome, State, Waiting


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
    timeout: float | None = None
    """As in `Assigned`."""
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
    outcome: Outcome | None = None
    """Of its last attempt, where it is `dead` or `cancelled`."""

    @property
    def unmade(self) -> bool:
        """It was dead from the beginning: a route could not make its payload, so there is nothing to try."""
        return self.state == "dead" and self.attempt == 0 and self.outcome == "failed"


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
    cancelling: bool = False
    """Its worker was asked to end it; nothing on disk says so."""
    waits_for: str | None = None
    """The worker of its affinity, where it waits only because that has no room; nothing on disk says so."""


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
