"""Tasks: what is asked for them, what became of them."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from tmaxd.tasks.events import Verdict
from tmaxd.tasks.records import MAX_KEY, MAX_PRIORITY, MIN_PRIORITY, State, TaskRow, TaskStory

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
    state: State | None = None
    """Of that task: what is over is not run again, whatever its end; `retry` does that."""


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one submit request had accepted; each range is first id and count."""

    ranges: tuple[tuple[int, int], ...]
    """New tasks."""
    accepted: int
    """How many these are."""
    existing: tuple[int, ...] = ()
    """Tasks that were there already, by their keys, in the order of the request."""
    existing_states: tuple[State, ...] = ()
    """Their states, in the same order. What is over (`done`, `dead`, `cancelled`) is not run again."""


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
    `waiting` (it is not over), `done` (it has a result), `no_payload` (a route could not make its payload, so there is
    nothing to try). Both: `unknown` (no such task), `unreadable` (the disk could not be read)."""


class WaitFor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tasks to wait for: single ids, and ranges as first id and count."""

    ids: tuple[int, ...] = ()
    ranges: tuple[tuple[int, int], ...] = ()
