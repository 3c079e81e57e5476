"""Conditions: what holds of a worker, a group, the fleet, since when, and why. Pure; made from what status shows.

The truths come first, as rows of words in a fixed order, since `looking` notes after each pass when they change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence

from tmaxd.daemon.api.types import (
    Condition,
    FailedChange,
    RolledBackGroup,
    SpecStatus,
    WorkerStatus,
)
from tmaxd.daemon.api.types.conditions import Truth
from tmaxd.daemon.moments import Truths
from tmaxd.plan.standing import Standing

WORKER = ("Running", "Ready", "Healthy", "UpToDate")
GROUP = (*WORKER, "ChangeFailed")
FLEET = ("Converged", "SpecInForce", "Durable", "Sound")

DOWN: Truths = ("False", "False", "Unknown", "Unknown")
"""Of a worker of which nothing lives."""

SHOWN = 5
"""Workers that a message names."""


def truth(holds: bool | None) -> Truth:
    return "Unknown" if holds is None else "True" if holds else "False"


def of_living(ready: bool, healthy: bool | None, drifted: bool) -> Truths:
    """`drifted`: it runs something else than what shall be."""
    return ("True", truth(ready), truth(healthy), truth(not drifted))


LIVING = {
    (ready, healthy, drifted): of_living(ready, healthy, drifted)
    for ready in (False, True)
    for healthy in (None, False, True)
    for drifted in (False, True)
}
"""All there are, made once: they are compared for each worker after each pass."""


def of_own(own: Collection[Truths], count: int, failed: bool) -> Truths:
    """Of a group: whether each holds for as many of its workers as there should be, and whether its change `failed`."""
    return (*(_all(Counter(column), count) for column in _columns(own)), truth(failed))


def _columns(own: Collection[Truths]) -> Sequence[Sequence[Truth]]:
    return list(zip(*own, strict=True)) or [()] * len(WORKER)


def _all(found: Counter[Truth], count: int) -> Truth:
    if found["False"]:
        return "False"
    if found["True"] >= count:
        return "True"
    return "False" if found.total() < count else "Unknown"


def of_worker(w: WorkerStatus, truths: Truths, since: Sequence[float]) -> tuple[Condition, ...]:
    said = {
        "Running": (w.reason, w.message),
        "Ready": (w.reason, w.message),
        "Healthy": ("unhealthy", w.message),
        "UpToDate": ("spec_changed", _outdated(w)),
    }
    return tuple(
        Condition(
            type=kind,
            status=status,
            reason=said[kind][0] if status == "False" else "",
            message=said[kind][1] if status == "False" else "",
            since=at,
        )
        for kind, status, at in zip(WORKER, truths, since, strict=True)
    )


def _outdated(w: WorkerStatus) -> str:
    waits = f"; waits, since it is {' and '.join(w.held_by)}" if w.held_by else ""
    return f"{', '.join(w.outdated)} changed{waits}"


def of_group(
    workers: Sequence[WorkerStatus],
    count: int,
    failed: RolledBackGroup | None,
    truths: Truths,
    since: Sequence[float],
) -> tuple[Condition, ...]:
    """`workers`: its own, with their conditions; `failed`: its change that has."""
    said = [_why_not(place, workers, count) for place in range(len(WORKER))]
    found = [
        Condition(
            type=kind,
            status=status,
            reason=why[0] if status == "False" else "",
            message=why[1] if status == "False" else "",
            since=at,
        )
        for kind, status, at, why in zip(WORKER, truths, since, said, strict=False)
    ]
    change = Condition(
        type=GROUP[-1],
        status=truths[-1],
        reason="rolled_back" if failed is not None else "",
        message=failed.message if failed is not None else "",
        since=since[-1],
    )
    return (*found, change)


def _why_not(place: int, workers: Sequence[WorkerStatus], count: int) -> tuple[str, str]:
    """(reason, message) of the first for whom it does not hold."""
    column = [w.conditions[place] for w in workers]
    first = next((c for c in column if c.status == "False"), None)
    if first is None:
        return "missing", f"{count - len(column)} of {count} workers are not there"
    good = sum(c.status == "True" for c in column)
    return first.reason, f"{good} of {count}" + (f"; {first.message}" if first.message else "")


def of_fleet(
    spec: SpecStatus,
    failed: Sequence[FailedChange],
    standing: Standing,
    trouble: str,
    problems: Sequence[str],
    disk: str | None,
    since: Sequence[float],
) -> tuple[Condition, ...]:
    """`trouble`: why the last look at the world failed; `failed`: changes of groups that have."""
    converged = standing.converged and not trouble
    said = (
        (converged, *_not_converged(standing, trouble)),
        (spec.state == "in_force", spec.state, _other_spec(spec, failed)),
        (disk is None, "journal", disk or ""),
        (not problems, "problems", "; ".join(problems)),
    )
    return tuple(
        Condition(
            type=kind,
            status=truth(holds),
            reason="" if holds else reason,
            # What a pin holds back is worth saying though all is as it was asked for.
            message=message if not holds or kind == "Converged" else "",
            since=at,
        )
        for kind, (holds, reason, message), at in zip(FLEET, said, since, strict=True)
    )


def _not_converged(standing: Standing, trouble: str) -> tuple[str, str]:
    if trouble:
        return "unknown", f"the last look at the world failed: {trouble}"
    if standing.moves:
        return "pending", ""
    if standing.stuck:
        found = [f"{worker}: {why}" for worker, why in sorted(standing.stuck.items())]
        return "stuck", _some(found)
    return "", f"pinned, so not replaced: {_some(standing.pinned)}" if standing.pinned else ""


def _some(found: Sequence[str]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(found[:SHOWN]) + more


def _other_spec(spec: SpecStatus, failed: Sequence[FailedChange]) -> str:
    if spec.state in ("rejected", "missing"):
        return f"{len(spec.problems)} problems in the file"
    if spec.state == "waiting":
        return "the file was changed, and `hot_reload` is off: it waits for a reload"
    if spec.state == "rolled_back":
        return spec.cause
    return "; ".join(
        f"{change.group}: revision {change.revision} of the file failed ({change.message}), "
        f"revision {change.to} is in force for it"
        for change in failed
    )
