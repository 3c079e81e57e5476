"""From the spec to what each part needs of it: the planner's Wanted, the dispatcher's policies."""

from __future__ import annotations

from tmaxd.plan.wanted import Wanted, WantedGroup
from tmaxd.spec.fingerprint import fingerprint
from tmaxd.spec.model import Group, Spec
from tmaxd.tasks.policy import GroupPolicy


def wanted(spec: Spec) -> Wanted:
    return Wanted(
        groups={
            name: WantedGroup(
                count=group.count,
                takes_tasks=group.kind != "run",
                fingerprint=fingerprint(group),
                stop_signal=group.stop.signal,
                stop_after=float(group.stop.after),
            )
            for name, group in spec.workers.items()
        },
        inboxes=frozenset(spec.pipes.inboxes),
    )


def policies(spec: Spec) -> dict[str, GroupPolicy]:
    return {name: _policy(group) for name, group in spec.workers.items() if group.kind != "run"}


def _policy(group: Group) -> GroupPolicy:
    return GroupPolicy(
        timeout=None if group.timeout is None else float(group.timeout),
        attempts=group.retry.attempts,
        backoff_first=float(group.retry.backoff.first),
        backoff_max=float(group.retry.backoff.max),
        window=group.window,
    )
