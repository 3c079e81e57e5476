"""What the API needs from the daemon. The handlers know nothing else of it.

Everything here runs in the event loop and must not block it. A method that cannot get a whole answer
raises `tmaxd.ports.Unknown`; a journal that cannot be read or written raises `JournalError`. The API
turns both into a 503 with their text.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal, Protocol

from tmaxd.daemon.api.memory_facade import MemoryFacade
from tmaxd.daemon.api.types import (
    Accepted,
    Await,
    Awaited,
    CleanedUp,
    CleanupWish,
    Difference,
    Event,
    FlagChange,
    FlagChanged,
    FlagList,
    Order,
    Ordered,
    Ping,
    PlanResult,
    ReloadResult,
    RevisionList,
    RolledBack,
    Status,
    Story,
    TaskEnd,
    TaskVerdict,
)
from tmaxd.ports import EventFilter
from tmaxd.tasks.events import DenyReason
from tmaxd.tasks.records import PLAIN, Options, TaskFilter, TaskRow

DenialReason = (
    DenyReason
    | Literal[
        "not_a_task_group",
        "unknown_worker",
        "unknown_target",
        "bad_order",
        "unknown_revision",
        "bad_revision",
        "unknown_flag",
        "bad_flag",
        "bad_cleanup",
    ]
)


class Denied(Exception):
    """What was asked for is refused. Of a submit: none of the call's payloads is on disk, unless the message says
    otherwise."""

    def __init__(self, reason: DenialReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


class Facade(Protocol):
    @property
    def memory(self) -> MemoryFacade: ...

    def ping(self) -> Ping: ...

    def status(self) -> Status: ...

    async def reload(self, wait: float) -> ReloadResult:
        """Look at the spec file now, apply it if it is good, and wait at most `wait` seconds until nothing more happens
        by itself (0: not at all)."""

    async def plan(self, spec: Path | None = None) -> PlanResult:
        """What `reload` would do; changes nothing. `spec` (absolute): what it would do if that file's content
        were saved over the spec file; what it names relatively is looked for beside the spec file."""

    async def submit(
        self,
        group: str,
        payloads: Sequence[str],
        options: Options = PLAIN,
        max_queue: int | None = None,
    ) -> Accepted:
        """Returns when all are on disk; all or none. Raises `Denied`. At least one payload; one at most with
        `options.key`. Several calls may be under way: tasks are numbered in the order of the calls."""

    async def cancel(self, ids: Sequence[int]) -> tuple[TaskVerdict, ...]:
        """One verdict for each id, in their order; what was done is on disk."""

    async def retry(self, ids: Sequence[int]) -> tuple[TaskVerdict, ...]:
        """Likewise."""

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        """The newest that match, newest first. Raises `Denied` where the group, or the worker, is one that neither the
        spec nor any task nor a run knows."""

    async def story(self, task: int) -> Story | None: ...

    def wait(self, ids: Sequence[int]) -> AsyncIterator[TaskEnd]:
        """Each task once, when it has ended (at once for those ended already, and with state `unknown` for
        ids that are not tasks). Closed early with `aclose` where it has one."""

    async def order(self, order: Order) -> Ordered:
        """Returns when it is on disk. Raises `Denied`."""

    def flags(self) -> FlagList: ...

    async def set_flag(self, change: FlagChange) -> FlagChanged:
        """Returns when it is in force and on disk. Raises `Denied`."""

    async def awaited(self, wish: Await) -> Awaited:
        """Returns when it is so, or cannot come to be by itself, or the time is over. Raises `Denied`."""

    async def revisions(self) -> RevisionList: ...

    async def difference(self, old: int | None, new: int | None) -> Difference:
        """Raises `Denied`. None: the revision in force for `new`, the one before `new` for `old`."""

    async def rollback(self, number: int | None) -> RolledBack:
        """Returns when it is in force and on disk. Raises `Denied`. None: the revision before the one in force."""

    async def events(self, filters: EventFilter) -> tuple[Event, ...]:
        """Oldest first, all that happened before the call among them."""

    def last_event(self) -> int:
        """The number of the last event; 0 when there never was one."""

    async def later_event(self, seq: int) -> None:
        """Returns once there is an event with a higher number."""

    async def cleanup(self, wish: CleanupWish) -> CleanedUp:
        """Returns when it is done. Raises `Denied`."""

    async def down(self) -> None:
        """Begin the shutdown: workers are stopped, then the daemon exits. Returns at once; safe to
        repeat."""
