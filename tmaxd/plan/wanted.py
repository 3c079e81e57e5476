"""The part of the spec that the planner needs: what should be there, not how it is written."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class WantedGroup(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    takes_tasks: bool
    """Its workers have FIFOs and say when they are ready."""
    fingerprint: str
    stop_signal: str = "TERM"
    stop_after: float = 10.0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    groups: Mapping[str, WantedGroup] = {}
    inboxes: frozenset[str] = frozenset()
    outboxes: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    """Groups whose workers pull from one tasks FIFO. The layout is part of a group's fingerprint, so that a worker of
    the other one drifts."""
    former: Mapping[str, WantedGroup] = {}
    """Groups that the spec no longer has and that still have workers: how these are stopped."""


NO_GROUP = WantedGroup(count=0, takes_tasks=False, fingerprint="")
"""Stands in for a group that is no longer in the spec."""
