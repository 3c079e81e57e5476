"""The last sample in the terms of workers: what each uses, and what all do together. Pure.

A total is of what was measured. Of a run that lives and could not be measured this time, the last figure stands in the
total of the fleet, since nothing is not what it uses; it is left out of what single workers are judged by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tmaxd.daemon.trend import Trend
from tmaxd.plan.observed import Footprint, Usage
from tmaxd.plan.rules import ThresholdRules
from tmaxd.plan.wanted import NO_GROUP, Wanted
from tmaxd.ports.footprints import Measured, Sample


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One process tree."""

    measured: Measured
    at: float
    """Monotonic."""
    cpu: float | None = None
    """Cores that were busy with it since the sample before; None: there was none."""
    slope: float | None = None
    """Bytes a second by which it grows; None: not known yet."""


class Figures(msgspec.Struct, kw_only=True):
    """One sample. `runs`: run id to figure, also of those that were measured before only."""

    number: int = 0
    at: float = 0.0
    """Monotonic; 0: nothing was measured yet."""
    runs: dict[str, Figure] = {}
    daemon: Figure | None = None
    server: Figure | None = None
    free: int | None = None
    total: int = 0


def figures(
    before: Figures, sample: Sample, living: Iterable[str], trends: dict[str, Trend], now: float
) -> Figures:
    """`trends`: of each run, continued here; those of runs that live no more go."""
    runs: dict[str, Figure] = {}
    known = set(living)
    for run in trends.keys() - known:
        del trends[run]
    for run in known:
        measured, earlier = sample.runs.get(run), before.runs.get(run)
        if measured is None:
            if earlier is not None:
                runs[run] = earlier
            continue
        trend = trends.setdefault(run, Trend())
        # Not by PSS: it is refreshed in turns, and a turn would look like a step.
        trend.add(now, measured.bytes if measured.basis == "cgroup" else measured.rss)
        runs[run] = _figure(earlier, measured, now, trend.slope())
    daemon = _figure(before.daemon, sample.daemon, now) if sample.daemon else None
    server = _figure(before.server, sample.server, now) if sample.server else None
    return Figures(
        number=before.number + 1,
        at=now,
        runs=runs,
        daemon=daemon,
        server=server,
        free=sample.free,
        total=sum(f.measured.bytes for f in (*runs.values(), daemon, server) if f is not None),
    )


def _figure(
    earlier: Figure | None, measured: Measured, now: float, slope: float | None = None
) -> Figure:
    cpu = None
    if earlier is not None and now > earlier.at:
        # Less than before: a child ended that nobody waited for, and took its time with it.
        cpu = max(measured.cpu - earlier.measured.cpu, 0.0) / (now - earlier.at)
    return Figure(measured=measured, at=now, cpu=cpu, slope=slope)


def usage(found: Figures, workers: Mapping[str, str]) -> Usage:
    """For the planner. `workers`: worker or spare to its run."""
    return Usage(
        number=found.number,
        at=found.at,
        workers={
            worker: Footprint(run, figure.measured.bytes, figure.slope)
            for worker, run in workers.items()
            if (figure := found.runs.get(run)) is not None and figure.at == found.at
        },
        fleet=found.total,
        free=found.free,
    )


def matters(seen: Usage, wanted: Wanted, group_of: Mapping[str, str]) -> bool:
    """Some threshold is exceeded, so that the planner should see it now and not with its next look. `group_of`: of each
    worker in `seen`."""
    if not wanted.memory.governed:
        return False
    if _exceeds(seen.fleet, wanted.memory, wanted.memory.hold):
        return True
    totals: dict[str, int] = {}
    for worker, footprint in seen.workers.items():
        name = group_of[worker]
        totals[name] = totals.get(name, 0) + footprint.bytes
        if _exceeds(footprint.bytes, wanted.groups.get(name, NO_GROUP).memory):
            return True
    return any(
        _exceeds(total, wanted.groups.get(name, NO_GROUP).memory.total)
        for name, total in totals.items()
    )


def _exceeds(amount: int, rules: ThresholdRules, hold: int | None = None) -> bool:
    limits = (rules.warn, rules.recycle, rules.kill, hold)
    return any(limit is not None and amount > limit for limit in limits)
