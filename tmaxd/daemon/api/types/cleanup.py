"""Clean-ups: what is asked for, what went, and when the next ones are."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from tmaxd.spec.upkeep import What


class CleanupWish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    what: Annotated[tuple[What, ...], Meta(max_length=20)] = ()
    """Kinds; those that the spec has entries for, as these say, others as tmaxd thinks best. Empty: all the entries."""
    dry: bool = False
    """Only tell what would go."""
    ttl: Annotated[float, Meta(ge=0.0)] | None = None
    """Seconds, in place of what the spec says; with `what` only."""


class CleanupItem(msgspec.Struct, frozen=True):
    name: str
    """A path, `tasks 1 to 256`, `pid 4711`, …"""
    bytes: int
    note: str


class CleanupRun(msgspec.Struct, frozen=True, kw_only=True):
    """What went in one clean-up; in a dry run, what would."""

    name: str
    """Its kind, and what of it was cleaned where that is not all."""
    what: What
    dry: bool
    unapplied: bool = False
    """It was a dry run only because its entry says `apply: false`."""
    count: int
    bytes: int
    """What came back. Of tasks and events: room in the file that they stood in, which is used for what comes next."""
    items: tuple[CleanupItem, ...] = ()
    """The first of them."""
    problems: tuple[str, ...] = ()
    """What was left, and why; a sentence each, the first of them."""
    more_problems: int = 0
    seconds: float
    """How long it took."""


class CleanedUp(msgspec.Struct, frozen=True, kw_only=True):
    runs: tuple[CleanupRun, ...]
    """One a clean-up, in their order."""


class CleanupStatus(msgspec.Struct, frozen=True, kw_only=True):
    """A clean-up that is run by itself."""

    name: str
    what: What
    built_in: bool = False
    """The spec says nothing of it."""
    next: float | None
    """When it is due; None: a flag keeps it from running."""
    last: float | None
    """When it ran last, by itself or since somebody asked."""
    count: int = 0
    bytes: int = 0
    """What went then; in a dry run, what would have."""
    dry: bool = False
    problem: str = ""
    """What was left then, and why."""
