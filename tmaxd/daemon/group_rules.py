"""From the spec to the planner's rules: how a group's workers are kept, in numbers. Pure."""

from __future__ import annotations

import signal
from collections.abc import Iterable

from tmaxd.plan.rules import (
    BackoffRules,
    LimitRules,
    RestartRules,
    RolloutRules,
    StopRules,
)
from tmaxd.spec.check_rollout import share
from tmaxd.spec.supervision import End, Restart, RestartLimit, Rollout, Stop


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


def rollout_rules(rollout: Rollout, count: int) -> RolloutRules:
    """`count`: the workers that the group shall have now, of which shares are taken. At least one can be changed at a
    time, whatever the shares come to."""
    surge = share(rollout.surge, count, up=True)
    unavailable = share(rollout.max_unavailable, count, up=False)
    return RolloutRules(
        max_unavailable=unavailable if surge else max(unavailable, 1),
        surge=surge,
        canary=share(rollout.canary, count, up=True),
        canary_for=float(rollout.canary_for),
        healthy_for=float(rollout.healthy_for),
        pause=float(rollout.pause),
        rollback=rollout.rollback,
    )


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
