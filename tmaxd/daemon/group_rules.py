"""From the spec to the planner's rules: how a group's workers are kept, in numbers. Pure."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import TypedDict

from tmaxd.plan.rules import (
    AgeRules,
    BackoffRules,
    FleetMemoryRules,
    LimitRules,
    MemoryRules,
    RestartRules,
    RolloutRules,
    StopRules,
    ThresholdRules,
)
from tmaxd.spec.check_rollout import share
from tmaxd.spec.flags import effective
from tmaxd.spec.limits import Thresholds, WorkerMemory
from tmaxd.spec.model import Group, Spec
from tmaxd.spec.supervision import End, Restart, RestartLimit, Rollout, Stop


class _Thresholds(TypedDict):
    warn: int | None
    recycle: int | None
    kill: int | None
    samples: int


def stop_rules(stop: Stop) -> StopRules:
    return StopRules(
        signal=stop.signal,
        keys=stop.keys,
        after=float(stop.after),
        drain=seconds(stop.drain),
    )


def restart_rules(restart: Restart) -> RestartRules:
    backoff = restart.backoff
    return RestartRules(
        policy=restart.policy,
        success=_ends(restart.success),
        failure=_ends(restart.failure),
        permanent=_ends(restart.permanent),
        backoff=BackoffRules(
            first=float(backoff.first),
            factor=float(backoff.factor),
            max=float(backoff.max),
            jitter=float(backoff.jitter),
            reset_after=float(backoff.reset_after),
        ),
        limit=None if restart.limit is None else _limit(restart.limit),
    )


def rollout_rules(rollout: Rollout, count: int, *, back: bool = True) -> RolloutRules:
    """`count`: the workers that the group shall have now, of which shares are taken. At least one can be changed at a
    time, whatever the shares come to. `back`: groups may go back to what was good before."""
    surge = share(rollout.surge, count, up=True)
    unavailable = share(rollout.max_unavailable, count, up=False)
    return RolloutRules(
        max_unavailable=unavailable if surge else max(unavailable, 1),
        surge=surge,
        canary=share(rollout.canary, count, up=True),
        canary_for=float(rollout.canary_for),
        healthy_for=float(rollout.healthy_for),
        pause=float(rollout.pause),
        rollback=rollout.rollback and back,
    )


def memory_rules(memory: WorkerMemory) -> MemoryRules:
    return MemoryRules(
        **_thresholds(memory),
        deadline=seconds(memory.deadline),
        total=ThresholdRules(**_thresholds(memory.total)),
    )


def fleet_memory_rules(spec: Spec) -> FleetMemoryRules:
    """With what the flags of the spec make of them."""
    fleet, keep_free = spec.memory.fleet, spec.memory.keep_free
    return FleetMemoryRules(
        **_thresholds(fleet),
        hold=_bytes(fleet.hold),
        keep_free=_bytes(keep_free),
        governed=effective(spec.flags, "memory_governor"),
        forecast=effective(spec.flags, "memory_forecast"),
    )


def age_rules(group: Group) -> AgeRules:
    age = group.max_age
    if age is None:
        return AgeRules(max_tasks=group.max_tasks)
    return AgeRules(max_tasks=group.max_tasks, max_age=float(age.after), jitter=float(age.jitter))


def _thresholds(limits: Thresholds) -> _Thresholds:
    return {
        "warn": _bytes(limits.warn),
        "recycle": _bytes(limits.recycle),
        "kill": _bytes(limits.kill),
        "samples": limits.samples,
    }


def _bytes(size: int | None) -> int | None:
    """A plain number."""
    return None if size is None else int(size)


def seconds(duration: float | None) -> float | None:
    """A plain number; None is for ever."""
    return None if duration is None else float(duration)


def _limit(limit: RestartLimit) -> LimitRules:
    return LimitRules(
        crashes=limit.crashes,
        within=float(limit.within),
        retry_every=float(limit.every) if limit.then == "retry" else None,
    )


def _ends(ends: Iterable[End]) -> frozenset[int]:
    """Exit statuses, and minus the numbers of signals."""
    return frozenset(
        end if isinstance(end, int) else -signal.Signals[f"SIG{end}"].value for end in ends
    )
