"""The condition `MemoryWithinLimits` of workers, groups and the fleet, and since when it is so.

It changes with samples, not with passes, and is `Unknown` where there is no limit: so it is kept beside the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tmaxd.daemon.api.types import Condition
from tmaxd.daemon.conditions import truth
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.moments import Moments
from tmaxd.plan.draft import is_spare
from tmaxd.plan.tallies import NO_MEMORY, Memory
from tmaxd.plan.wanted import Wanted
from tmaxd.plan.within import UNKNOWN, Within, fleet_within, group_within, worker_within

KIND = "MemoryWithinLimits"

FLEET = ""
"""The name of the fleet, among groups."""

KEYS = {
    "memory_warn": "warn",
    "memory_recycle": "recycle",
    "memory_kill": "kill",
    "memory_hold": "hold",
}
"""Reasons, and the limit that each names."""

MIB = 1024 * 1024


class Limits:
    """One a daemon."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._workers = Moments()
        self._totals = Moments()
        self._began: float | None = None
        self._memory: Memory = NO_MEMORY
        self._wanted: Wanted | None = None
        self._found: dict[str, Within] = {}
        """Of workers whose limits are known to be kept, or not to be."""

    def look(self, wall: float) -> None:
        """After each pass; costs nothing where there was no sample. `wall`: now."""
        memory, wanted = self._fleet.history.memory, self._fleet.desired.wanted
        if self._began is None:
            self._began = wall
        if memory is self._memory and wanted is self._wanted:
            return
        self._memory, self._wanted = memory, wanted
        self._found = {
            worker: found
            for worker, tally in memory.workers.items()
            if not is_spare(worker)
            and (found := worker_within(wanted, memory, worker, tally.run)) is not UNKNOWN
        }
        for worker, found in self._found.items():
            run = memory.workers[worker].run
            self._workers.note(worker, (truth(found.holds),), (None,), wall, run)
        self._workers.keep(self._found)
        totals = {name: group_within(wanted, memory, name) for name in wanted.groups}
        for name, found in {**totals, FLEET: fleet_within(wanted, memory)}.items():
            self._totals.note(name, (truth(found.holds),), (None,), wall)

    def of_worker(self, worker: str, run: str | None) -> Condition:
        """`run`: the one that lives; None: none does."""
        found = self._found.get(worker)
        tally = self._memory.workers.get(worker)
        if found is None or tally is None or tally.run != run:
            return _condition(UNKNOWN, self._began)
        return _condition(found, self._workers.since(worker)[0])

    def of_group(self, name: str, own: Sequence[Condition]) -> Condition:
        """`own`: this condition of its workers. Its total counts first."""
        total = UNKNOWN
        if self._wanted is not None:
            total = group_within(self._wanted, self._memory, name)
        if total.holds is False:
            return _condition(total, self._totals.since(name)[0], "all together: ")
        over = [condition for condition in own if condition.status == "False"]
        if over:
            return Condition(
                type=KIND,
                status="False",
                reason=over[0].reason,
                message=f"{len(over)} of {len(own)}; {over[0].message}",
                since=_first(condition.since for condition in over),
            )
        known = [c.since for c in own if c.status == "True" and c.since is not None]
        if total.holds:
            known.append(self._totals.since(name)[0])
        if known:
            return _condition(Within(True), max(known))
        return _condition(UNKNOWN, self._began)

    def of_fleet(self) -> Condition:
        if self._wanted is None:
            return _condition(UNKNOWN, self._began)
        found = fleet_within(self._wanted, self._memory)
        return _condition(found, self._totals.since(FLEET)[0])


def _first(moments: Iterable[float | None]) -> float | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _condition(found: Within, since: float | None, who: str = "") -> Condition:
    bad = found.holds is False
    return Condition(
        type=KIND,
        status=truth(found.holds),
        reason=found.reason if bad else "",
        message=who + _words(found) if bad else "",
        since=since,
    )


def _words(found: Within) -> str:
    used, limit = f"{found.used / MIB:,.1f} MiB used", f"{found.limit / MIB:,.1f} MiB"
    if found.reason == "memory_limit":
        return f"{used}, and never less than `recycle` ({limit}) since it runs: not replaced for it"
    return f"{used}, more than `{KEYS.get(found.reason, 'limit')}` ({limit})"
