"""Queries: what the dispatcher asks of the disk; each is answered by an event."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from tmaxd.tasks.records import Purge


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


class PurgeTasks(msgspec.Struct, frozen=True):
    """`Journal.purge`, answered by `TasksPurged` with the same token."""

    token: int
    wish: Purge


Query = LoadPage | LoadDue | LoadExpired | FindTasks | FindKey | PurgeTasks
