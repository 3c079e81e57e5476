"""The revisions of the spec, and what lies between two of them."""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType


class RolledBackGroup(msgspec.Struct, frozen=True, kw_only=True):
    """A change of a group that has failed; it is tried again when the file says something else."""

    revision: int
    """The revision that brought it."""
    to: int
    """The revision whose definition holds instead."""
    message: str
    at: float


class FailedChange(RolledBackGroup, frozen=True, kw_only=True):
    group: str


class RevisionRow(msgspec.Struct, frozen=True, kw_only=True):
    number: int
    applied: float
    cause: str
    """Why it came into force, where the file did not say so: `rollback to 3`."""
    in_force: bool
    in_file: bool
    """It is what the file says."""
    failed: tuple[str, ...] = ()
    """Groups whose change it brought has failed, so that they went back by themselves, as far as events are kept."""


class RevisionList(msgspec.Struct, frozen=True):
    revisions: tuple[RevisionRow, ...]
    """Newest first; the last 50 are kept."""


class ChangedKey(msgspec.Struct, frozen=True, kw_only=True):
    key: str
    old: Any | UnsetType = UNSET
    new: Any | UnsetType = UNSET
    takes_effect: Literal["live", "next_start", "when_idle", "refused"]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What one revision changes against another, key by key."""

    old: int
    new: int
    changes: tuple[ChangedKey, ...]


class Rollback(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    revision: int | None = None
    """None: the one before that in force."""


class RolledBack(msgspec.Struct, frozen=True, kw_only=True):
    outcome: Literal["applied", "no_change"]
    to: int
    """The revision that was gone back to."""
    revision: int
    """The number under which it is in force now."""
    changed: tuple[str, ...] = ()
    """Keys that are different from before."""
