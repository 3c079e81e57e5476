"""From the spec to what each part needs of it: the planner's Wanted, the dispatcher's policies."""

from __future__ import annotations

from collections.abc import Collection

from tmaxd.daemon.group_rules import (
    age_rules,
    fleet_memory_rules,
    memory_rules,
    restart_rules,
    rollout_rules,
    seconds,
    stop_rules,
)
from tmaxd.plan.wanted import Wanted, WantedGroup
from tmaxd.spec.fingerprint import fingerprint
from tmaxd.spec.flags import effective
from tmaxd.spec.model import Group, Pipes, Spec
from tmaxd.tasks.policy import GroupPolicy, Route

NOTHING = Wanted()


def wanted(spec: Spec, before: Wanted = NOTHING, living: Collection[str] = ()) -> Wanted:
    """`before` is what was wanted until now and `living` the groups that have workers: one that is no longer in
    the spec is still stopped in the way that was asked for."""
    known = {**before.former, **before.groups}
    pooled = effective(spec.flags, "session_pool")
    back = effective(spec.flags, "auto_rollback")
    return Wanted(
        groups={n: _group(group, pooled=pooled, back=back) for n, group in spec.workers.items()},
        inboxes=frozenset(spec.pipes.inboxes),
        outboxes=frozenset(spec.pipes.outboxes),
        shared=frozenset(name for name, g in spec.workers.items() if g.layout == "shared"),
        memory=fleet_memory_rules(spec),
        one_by_one=not effective(spec.flags, "parallel_spawn"),
        former={n: g for n, g in known.items() if n in living and n not in spec.workers},
    )


def _group(group: Group, *, pooled: bool, back: bool) -> WantedGroup:
    return WantedGroup(
        count=group.count,
        takes_tasks=group.kind != "run",
        fingerprint=fingerprint(group),
        stop=stop_rules(group.stop),
        restart=restart_rules(group.restart),
        ready_within=None if group.ready is None else seconds(group.ready.within),
        checked=group.health is not None,
        heals=group.health is not None and group.health.then == "restart",
        after=tuple((item.group, item.condition) for item in group.after),
        rollout=rollout_rules(group.rollout, group.count, back=back),
        spares=group.pool.size if group.pool is not None and pooled else 0,
        spare_age=None if group.pool is None else seconds(group.pool.max_age),
        memory=memory_rules(group.memory),
        age=age_rules(group),
    )


def policies(spec: Spec) -> dict[str, GroupPolicy]:
    """Of each group that takes tasks."""
    routes, outboxes = _routes(spec.pipes), _outboxes(spec.pipes)
    batching = effective(spec.flags, "batching")
    return {
        name: _policy(group, routes.get(name, ()), outboxes.get(name, ()), batching=batching)
        for name, group in spec.workers.items()
        if group.kind != "run"
    }


def _routes(pipes: Pipes) -> dict[str, tuple[Route, ...]]:
    """By the group at which they start."""
    found: dict[str, tuple[Route, ...]] = {}
    for item in pipes.routes:
        route = Route(to=item.to, when=item.when, payload=item.payload, max_hops=item.max_hops)
        for group in item.sources:
            found[group] = (*found.get(group, ()), route)
    return found


def _outboxes(pipes: Pipes) -> dict[str, tuple[str, ...]]:
    """By the group whose results they get."""
    found: dict[str, tuple[str, ...]] = {}
    for name, outbox in pipes.outboxes.items():
        for group in outbox.sources:
            found[group] = (*found.get(group, ()), name)
    return found


def _policy(
    group: Group, routes: tuple[Route, ...], outboxes: tuple[str, ...], *, batching: bool
) -> GroupPolicy:
    return GroupPolicy(
        timeout=seconds(group.timeout),
        attempts=group.retry.attempts,
        backoff_first=float(group.retry.backoff.first),
        backoff_max=float(group.retry.backoff.max),
        window=group.window,
        balance=group.balance,
        max_queue=group.max_queue,
        expire=seconds(group.expire),
        lease=seconds(group.lease),
        routes=routes,
        outboxes=outboxes,
        shared=group.layout == "shared",
        batching=batching,
    )
