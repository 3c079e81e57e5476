"""From the spec to what each part needs of it: the planner's Wanted, the dispatcher's policies."""

from __future__ import annotations

from collections.abc import Collection

from tmaxd.plan.wanted import Wanted, WantedGroup
from tmaxd.spec.fingerprint import fingerprint
from tmaxd.spec.model import Group, Spec
from tmaxd.tasks.policy import GroupPolicy

NOTHING = Wanted()


def wanted(spec: Spec, before: Wanted = NOTHING, living: Collection[str] = ()) -> Wanted:
    """`before` is what was wanted until now and `living` the groups that have workers: one that is no longer in
    the spec is still stopped in the way that was asked for."""
    known = {**before.former, **before.groups}
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
        former={n: g for n, g in known.items() if n in living and n not in spec.workers},
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
