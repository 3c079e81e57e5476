"""What was measured, put into the words that users read. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from tmaxd.daemon.api import types as t
from tmaxd.daemon.containing import Containing
from tmaxd.daemon.figures import Figure
from tmaxd.daemon.sampling import Sampling

TO_MB_PER_HOUR = 3600 / 1e6


def usage(figure: Figure | None, wall_of: float) -> t.Usage | None:
    """`wall_of`: what to add to a monotonic time to get wall time."""
    if figure is None:
        return None
    m = figure.measured
    return t.Usage(
        bytes=m.bytes,
        basis=m.basis,
        rss=m.rss,
        mb_per_hour=None if figure.slope is None else round(figure.slope * TO_MB_PER_HOUR, 3),
        cpu=None if figure.cpu is None else round(figure.cpu, 4),
        cpu_seconds=round(m.cpu, 3),
        processes=m.processes,
        files=m.files,
        at=figure.at + wall_of,
    )


def total(found: Iterable[t.Usage | None]) -> t.UsageTotal:
    parts = [part for part in found if part is not None]
    trends = [part.mb_per_hour for part in parts if part.mb_per_hour is not None]
    busy = [part.cpu for part in parts if part.cpu is not None]
    files = [part.files for part in parts if part.files is not None]
    return t.UsageTotal(
        bytes=sum(part.bytes for part in parts),
        mb_per_hour=round(sum(trends), 3) if trends else None,
        cpu=round(sum(busy), 4) if busy else None,
        processes=sum(part.processes for part in parts),
        files=sum(files) if len(files) == len(parts) else None,
        measured=len(parts),
    )


def fleet(
    sampling: Sampling,
    workers: Iterable[t.Usage | None],
    spares: Iterable[t.Usage | None],
    wall_of: float,
) -> t.FleetUsage | None:
    found = sampling.figures
    if not found.number:
        return None
    return t.FleetUsage(
        bytes=found.total,
        workers=total(workers),
        spares=total(spares),
        daemon=usage(found.daemon, wall_of),
        tmux=usage(found.server, wall_of),
        free=found.free,
        at=found.at + wall_of,
        trouble=sampling.trouble,
    )


def containment(containing: Containing) -> t.ContainmentStatus:
    held = containing.held
    return t.ContainmentStatus(
        kind=held.kind, limits=held.limits, why=held.why, unkept=containing.unkept()
    )
