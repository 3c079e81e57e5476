"""Conditions: what holds of a worker, a group, the fleet, since when, and why. Pure; made from what status shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tmaxd.daemon.api.types import Condition, SpecStatus, WorkerStatus
from tmaxd.daemon.api.types.conditions import Truth


def of_worker(
    w: WorkerStatus, *, ready_at: float | None, healthy_since: float | None, drifted: bool
) -> tuple[Condition, ...]:
    """`ready_at`, `healthy_since`: wall times. `drifted`: it runs something else than what shall be."""
    alive = w.pid is not None
    up_to_date: Truth = "False" if drifted else "True" if alive else "Unknown"
    return (
        _condition("Running", alive, w.reason, w.message, w.since),
        _condition("Ready", w.ready, w.reason, w.message, ready_at if w.ready else w.since),
        Condition(
            type="Healthy",
            status="Unknown" if w.healthy is None else _truth(w.healthy),
            reason="unhealthy" if w.healthy is False else "",
            message=w.message if w.healthy is False else "",
            since=healthy_since,
        ),
        Condition(
            type="UpToDate",
            status=up_to_date,
            reason="spec_changed" if drifted else "",
            message=w.message if drifted else "",
            since=w.since if alive else None,
        ),
    )


def of_group(
    workers: Sequence[WorkerStatus], count: int, rolled_back: str | None, at: float | None
) -> tuple[Condition, ...]:
    """`rolled_back`: why its change has failed; `at`: when."""
    current = _all("UpToDate", workers, count)
    return (
        _all("Running", workers, count),
        _all("Ready", workers, count),
        _all("Healthy", workers, count),
        current,
        Condition(
            type="ChangeFailed",
            status=_truth(rolled_back is not None),
            reason="rolled_back" if rolled_back is not None else "",
            message=rolled_back or "",
            since=at,
        ),
    )


def of_fleet(
    spec: SpecStatus,
    *,
    converged: bool,
    since: float | None,
    problems: Sequence[str],
    disk: str | None,
) -> tuple[Condition, ...]:
    bad = spec.state not in ("in_force", "rolled_back")
    return (
        _condition("Converged", converged, "" if converged else "pending", "", since),
        Condition(
            type="SpecInForce",
            status=_truth(spec.state == "in_force"),
            reason="" if spec.state == "in_force" else spec.state,
            message=f"{len(spec.problems)} problems in the file" if bad else spec.cause,
            since=spec.applied,
        ),
        Condition(
            type="Durable",
            status=_truth(disk is None),
            reason="" if disk is None else "journal",
            message=disk or "",
            since=None,
        ),
        Condition(
            type="Sound",
            status=_truth(not problems),
            reason="problems" if problems else "",
            message="; ".join(problems),
            since=None,
        ),
    )


def _condition(kind: str, holds: bool, reason: str, message: str, since: float | None) -> Condition:
    return Condition(
        type=kind,
        status=_truth(holds),
        reason="" if holds else reason,
        message="" if holds else message,
        since=since,
    )


def _truth(holds: bool) -> Truth:
    return "True" if holds else "False"


def _all(kind: str, workers: Sequence[WorkerStatus], count: int) -> Condition:
    """Whether it holds for as many as there should be: since the last of them, and else why not for the first."""
    found = [condition for w in workers for condition in w.conditions if condition.type == kind]
    good = [condition for condition in found if condition.status == "True"]
    bad = [condition for condition in found if condition.status == "False"]
    if len(good) >= count and not bad:
        return Condition(type=kind, status="True", reason="", message="", since=_last(good))
    if not bad:
        missing = len(found) < count
        status: Truth = "False" if missing else "Unknown"
        return Condition(
            type=kind,
            status=status,
            reason="missing" if missing else "",
            message=f"{count - len(found)} of {count} workers are not there" if missing else "",
            since=None,
        )
    first = bad[0]
    return Condition(
        type=kind,
        status="False",
        reason=first.reason,
        message=f"{len(good)} of {count}" + (f"; {first.message}" if first.message else ""),
        since=_last(bad),
    )


def _last(conditions: Iterable[Condition]) -> float | None:
    return max((c.since for c in conditions if c.since is not None), default=None)
