"""The port `Journal`: what is on disk, and what it held when it was opened."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Literal, Protocol

import msgspec

from tmaxd.ports.processes import Proc
from tmaxd.ports.tmux import ServerId
from tmaxd.tasks.records import (
    Found,
    Lease,
    Page,
    Purge,
    Purged,
    Record,
    State,
    TaskFilter,
    TaskRow,
    TaskStory,
)


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What must be known of a run to adopt it after the daemon died."""

    run: str
    worker: str
    proc: Proc
    boot_id: str
    server: ServerId
    started: float
    """Wall time."""
    revision: int
    log_file: int = 0
    log_size: int = 0
    """Where its output begins in its worker's log: inode (0: there was no file yet) and bytes."""
    said: bool = False
    """It has said `ready` on its results FIFO."""
    ready: bool = False
    """It was ready: it has said so where it has to, and passed the check of its group where there is one."""
    window: int = 1
    form: Literal["json", "tsv"] = "json"
    batch: bool = False
    beats: bool = False
    """It has sent a heartbeat."""


class RunOver(msgspec.Struct, frozen=True):
    """A run whose end is recorded. Fields as in `RunEnded`."""

    run: str
    worker: str
    at: float
    reason: str


class Revision(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    digest: str
    applied: float
    """Wall time."""
    text: str
    cause: str = ""
    """Why it is in force, where the file did not say so: `rollback to 3`, …"""


class RevisionRow(msgspec.Struct, frozen=True):
    """A revision without its text."""

    number: int
    digest: str
    applied: float
    cause: str


class EventFilter(msgspec.Struct, frozen=True, kw_only=True):
    since: int = 0
    """Only events with a higher number."""
    worker: str | None = None
    group: str | None = None
    names: tuple[str, ...] = ()
    last: bool = False
    """The last `limit` of them; else the first."""
    limit: int = 1000


class EventRow(msgspec.Struct, frozen=True):
    """As `EventNoted`, without `replaces`."""

    seq: int
    at: float
    first: float
    count: int
    level: str
    name: str
    worker: str
    group: str
    reason: str
    fields: str


class Recovered(msgspec.Struct, frozen=True, kw_only=True):
    """What the journal held when it was opened. The queue itself stays on disk; `page` reads it."""

    next_id: int
    """The lowest task id never used."""
    runs: tuple[RunRecord, ...]
    """Those whose end is not recorded, oldest first."""
    leases: tuple[Lease, ...]
    """Tasks assigned to a run, by id."""
    counts: dict[str, dict[State, int]]
    """Group to state to tasks, by their rows: leased ones count as the `queued` or `delayed` that they were."""
    lanes: dict[str, tuple[int, ...]]
    """Group to the priorities of its tasks that are `queued` by their rows."""
    next_due: dict[str, float]
    """Group to the wall time at which its earliest delayed task is due."""
    next_expiry: dict[str, float]
    """Group to the wall time at which the first of its waiting tasks expires."""
    next_send: int
    """The lowest number that no lease on disk has or exceeds."""
    revision: Revision | None
    next_event: int = 1
    """The lowest number of an event never used."""
    kept: dict[str, str] = {}
    """Name to text."""
    over: tuple[RunOver, ...] = ()
    """Runs that ended since the first lease that names no run was sent, oldest first; none without such a lease."""


class JournalError(Exception):
    """The state cannot be read or written; the text says which file, why, and what to do."""


class Journal(Protocol):
    """`state.db`: tasks, attempts, results, runs, revisions. One writer with group commit."""

    def write(self, records: Sequence[Record]) -> Awaitable[None]:
        """Resolves when the records are on disk (fsync), all or none; batches become durable in the order of
        the calls. While the disk refuses, the batch is tried again and `trouble()` gives the cause."""

    def trouble(self) -> str | None: ...

    def problems(self) -> tuple[str, ...]:
        """What was found amiss when it was opened, for status, each one sentence: commits that are gone."""

    async def page(self, group: str, priority: int, after: int, limit: int) -> Page:
        """Tasks of the group and priority whose rows are `queued`, leased ones too, with id > after, oldest first.
        Sees every batch that was given to `write` before the call, so it waits while the disk refuses."""

    async def due(self, group: str, now: float, limit: int) -> Page:
        """Tasks of the group whose rows are `delayed`, leased ones too, and whose time (wall) has come, earliest
        first. Sees what `page` sees."""

    async def expired(self, group: str, now: float, limit: int) -> Page:
        """Waiting tasks of the group, leased ones too, whose time to begin is over, earliest first; `next_due` is
        when the next one expires. Sees what `page` sees."""

    async def find(self, ids: Sequence[int]) -> tuple[Found, ...]:
        """Those of the tasks that there are. Sees what `page` sees."""

    async def find_key(self, group: str, key: str) -> tuple[int, str, State] | None:
        """(id, payload, state) of the group's task that was submitted with the key. Sees what `page` sees."""

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]: ...
    async def story(self, task: int) -> TaskStory | None: ...
    async def events(self, filters: EventFilter) -> tuple[EventRow, ...]:
        """Oldest first. Sees what `page` sees."""

    async def revisions(self, limit: int) -> tuple[RevisionRow, ...]:
        """The last ones, newest first. Sees what `page` sees."""

    async def revision(self, number: int) -> Revision | None: ...

    def purge(self, wish: Purge) -> Awaitable[Purged]:
        """Forget a slice of what is over, all of it or nothing, after every batch that was given to `write` before the
        call and before those that come later. Tasks that were submitted together may stay until the last of them is
        over, and was before `wish.before`. Never a task that waits or is in flight. A key is forgotten with its task.
        Raises JournalError where it cannot be written; nothing has changed then, and it is not tried again."""

    async def named_files(self, paths: Sequence[str]) -> frozenset[str]:
        """Those of the files that a done task has its result in. Reads whatever was done by file."""

    async def result_files(self, tasks: Sequence[int]) -> dict[int, str | None]:
        """Of those of the tasks that there are, the file with the result; empty where it is over and has
        none, None where it is not over. Sees what `page` sees."""

    async def oldest_lease(self) -> float | None:
        """The wall time of the oldest assignment that is not known to be over; None: there is none."""

    async def close(self) -> None: ...
