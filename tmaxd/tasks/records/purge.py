"""What the journal may forget: tasks that are over, and events; and what came of one slice of that."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from tmaxd.tasks.records.words import State

SLICE = 2048
"""Tasks that go at once, where nobody says otherwise: about a millisecond of the one thread that writes."""


class Purge(msgspec.Struct, frozen=True, kw_only=True):
    """One slice of what is over. Slices are asked for one after the other, each with the `next` of the one before."""

    what: Literal["tasks", "dead", "events"]
    """`tasks`: those done and those cancelled; `dead`: those that ended without a result."""
    before: float
    """Wall time: only what ended, or happened, before it."""
    groups: tuple[str, ...] = ()
    """(`tasks`, `dead`) Only of these; empty: of all."""
    after: tuple[float, int] = (float("-inf"), 0)
    """Where the slice begins."""
    limit: int = SLICE
    """About so many tasks, or events."""
    dry: bool = False
    """Only tell what would go."""


class Span(msgspec.Struct, frozen=True):
    """Tasks with ids in a row that went together."""

    group: str
    first: int
    last: int


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What went; in a dry run, what would."""

    count: int = 0
    bytes: int = 0
    """Of payloads and results, or of events, as they stood on disk. What comes back is used for what is written next;
    the file keeps its size."""
    spans: tuple[Span, ...] = ()
    files: tuple[str, ...] = ()
    """Result files that no task names any more."""
    counts: Mapping[str, Mapping[State, int]] = {}
    """Group to state to tasks."""
    took: float = 0.0
    """Seconds that it took, without the wait for its turn and for the disk."""
    next: tuple[float, int] | None = None
    """Where to go on; None: that was all."""
