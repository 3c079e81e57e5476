"""The part of the spec that the planner needs: what should be there, not how it is written."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tmaxd.plan.rules import (
    AgeRules,
    Condition,
    FleetMemoryRules,
    MemoryRules,
    RestartRules,
    RolloutRules,
    StopRules,
)


class WantedGroup(msgspec.Struct, frozen=True, kw_only=True):
    count: int
    takes_tasks: bool
    """Its workers have FIFOs and say when they are ready."""
    fingerprint: str
    stop: StopRules = StopRules()
    restart: RestartRules = RestartRules()
    ready_within: float | None = None
    """Seconds that a worker may take to become ready; then its start has failed."""
    checked: bool = False
    """Its workers have a health check: one that has not passed it yet is not known to be healthy."""
    heals: bool = False
    """An unhealthy worker is replaced, and not only reported."""
    after: tuple[tuple[str, Condition], ...] = ()
    """Groups that have to be so far before a worker of this one is started."""
    rollout: RolloutRules = RolloutRules()
    approved: str = ""
    """The fingerprint that was last healthy in all its workers: the one to go back to. Empty: none has been."""
    failed: str = ""
    """The fingerprint that was given up for the approved one; empty when there is none."""
    spares: int = 0
    """Booted workers to be kept ready, of this fingerprint."""
    spare_age: float | None = None
    """Seconds after which a spare is replaced by a fresh one."""
    memory: MemoryRules = MemoryRules()
    age: AgeRules = AgeRules()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    groups: Mapping[str, WantedGroup] = {}
    inboxes: frozenset[str] = frozenset()
    outboxes: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    """Groups whose workers pull from one tasks FIFO. The layout is part of a group's fingerprint, so that a worker of
    the other one drifts."""
    memory: FleetMemoryRules = FleetMemoryRules()
    one_by_one: bool = False
    """Workers are started one at a time (the flag `parallel_spawn` is off)."""
    former: Mapping[str, WantedGroup] = {}
    """Groups that the spec no longer has and that still have workers: how these are stopped."""


NO_GROUP = WantedGroup(count=0, takes_tasks=False, fingerprint="")
"""Stands in for a group that is no longer in the spec."""
