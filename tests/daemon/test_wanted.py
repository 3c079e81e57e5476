"""What each part is told of a spec: the planner, and the dispatcher."""

from __future__ import annotations

import signal

import pytest

from tests.unit.spec.loading import spec_of
from tmaxd.daemon.group_rules import rollout_rules
from tmaxd.daemon.planned import planned
from tmaxd.daemon.wanted import policies, wanted
from tmaxd.plan import actions as a
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
from tmaxd.plan.wanted import Wanted, WantedGroup
from tmaxd.spec.layouts import with_flags
from tmaxd.spec.supervision import Rollout, Share
from tmaxd.tasks.policy import GroupPolicy, Route

SPEC = spec_of(
    """
workers:
  check: {task: [x], layout: shared, timeout: 30s, window: 4, max_queue: 10, expire: 1h, lease: 2m}
  echo: {serve: [x], balance: sticky, lease: never, retry: {attempts: 3, backoff: {first: 2s, max: 4s}}}
  plain: {task: [x]}
  shell: {run: [x]}
pipes:
  inboxes: {tasks: {to: [check, echo]}}
  outboxes: {results: {from: [check, echo]}, some: {from: echo}}
  routes:
    - {from: echo, to: [check, plain], when: any, payload: "{task}"}
    - {from: [check, echo], to: check, max_hops: 3}
"""
)


def test_the_policies() -> None:
    back = Route(to=("check",), max_hops=3)
    assert policies(SPEC) == {
        "check": GroupPolicy(
            timeout=30.0,
            window=4,
            max_queue=10,
            expire=3600.0,
            lease=120.0,
            routes=(back,),
            outboxes=("results",),
            shared=True,
        ),
        "echo": GroupPolicy(
            balance="sticky",
            lease=None,
            attempts=3,
            backoff_first=2.0,
            backoff_max=4.0,
            routes=(Route(to=("check", "plain"), when="any", payload="{task}"), back),
            outboxes=("results", "some"),
        ),
        "plain": GroupPolicy(),
    }
    assert not policies(SPEC)["plain"].reads_results
    assert policies(SPEC)["check"].reads_results


def test_the_fifos_and_the_layout() -> None:
    want = wanted(SPEC)
    assert want.inboxes == {"tasks"}
    assert want.outboxes == {"results", "some"}
    assert want.shared == {"check"}
    assert ",layout:" in want.groups["check"].fingerprint
    assert ",layout:" not in want.groups["plain"].fingerprint


KEPT = """
workers:
  db:
    run: [db]
    count: 10
    restart:
      policy: on_failure
      success: [0, TERM]
      failure: [3]
      permanent: [78, HUP]
      backoff: {first: 1s, factor: 3, max: 2m, jitter: 0.5, reset_after: 1m}
      limit: {crashes: 5, within: 10m, every: 2m}
    ready: {tcp: 1, within: 20s}
    health: {tcp: 1}
    stop: {signal: INT, keys: [C-c], after: 1s, drain: 5s}
    rollout:
      {max_unavailable: 25%, surge: 5%, canary: 11%, canary_for: 10m, healthy_for: 3s, pause: 4s, rollback: false}
    pool: {size: 2, max_age: 5m}
  web:
    serve: [web]
    after: {db: healthy, plain: started}
    restart: {limit: {crashes: 3, then: stop}}
    ready: {frame: true, within: never}
    health: {output: 5m, then: report}
    pool: {max_age: never}
  plain: {run: [x]}
"""


def test_how_workers_are_kept() -> None:
    groups = wanted(spec_of(KEPT)).groups
    assert groups["db"] == WantedGroup(
        count=10,
        takes_tasks=False,
        fingerprint=groups["db"].fingerprint,
        stop=StopRules(signal="INT", keys=("C-c",), after=1.0, drain=5.0),
        restart=RestartRules(
            policy="on_failure",
            success=frozenset({0, -signal.SIGTERM}),
            failure=frozenset({3}),
            permanent=frozenset({78, -signal.SIGHUP}),
            backoff=BackoffRules(first=1.0, factor=3.0, max=120.0, jitter=0.5, reset_after=60.0),
            limit=LimitRules(crashes=5, within=600.0, retry_every=120.0),
        ),
        ready_within=20.0,
        checked=True,
        heals=True,
        rollout=RolloutRules(
            max_unavailable=2,
            surge=1,
            canary=2,
            canary_for=600.0,
            healthy_for=3.0,
            pause=4.0,
            rollback=False,
        ),
        spares=2,
        spare_age=300.0,
    )
    web = groups["web"]
    assert web.after == (("db", "healthy"), ("plain", "started"))
    assert web.restart.limit == LimitRules(crashes=3, within=3600.0, retry_every=None)
    assert (web.ready_within, web.checked, web.heals) == (None, True, False)
    assert (web.spares, web.spare_age) == (1, None)


def test_what_is_not_said_is_what_the_planner_does_by_itself() -> None:
    plain = wanted(spec_of(KEPT)).groups["plain"]
    assert plain == WantedGroup(count=1, takes_tasks=False, fingerprint=plain.fingerprint)
    for seconds in (plain.stop.after, plain.restart.backoff.max, plain.rollout.canary_for):
        assert type(seconds) is float  # the planner knows no units


def test_nothing_of_it_is_in_the_fingerprint() -> None:
    bare = spec_of("workers: {db: {run: [db], count: 10}, web: {serve: [web]}, plain: {run: [x]}}")
    assert [g.fingerprint for g in wanted(bare).groups.values()] == [
        g.fingerprint for g in wanted(spec_of(KEPT)).groups.values()
    ]


MIB = 1024 * 1024
GOVERNED = """
workers:
  a:
    task: [x]
    memory: {warn: 1MiB, recycle: 2MiB, kill: 3MiB, for: 4, deadline: never, max: 5MiB, total: {kill: 9MiB, for: 1}}
    max_tasks: 7
    max_age: {after: 1h, jitter: 0.5}
    pool: 1
  b: {run: [x], memory: {deadline: 5s}}
memory: {fleet: {warn: 1MiB, hold: 2MiB, recycle: 3MiB, kill: 4MiB, for: 5}, keep_free: 6MiB}
"""


def test_how_memory_is_governed() -> None:
    want = wanted(spec_of(GOVERNED))
    a, b = want.groups["a"], want.groups["b"]
    assert a.memory == MemoryRules(
        warn=MIB,
        recycle=2 * MIB,
        kill=3 * MIB,
        samples=4,
        deadline=None,
        total=ThresholdRules(kill=9 * MIB, samples=1),
    )
    assert a.age == AgeRules(max_tasks=7, max_age=3600.0, jitter=0.5)
    assert (b.memory, b.age) == (MemoryRules(deadline=5.0), AgeRules())
    assert want.memory == FleetMemoryRules(
        warn=MIB,
        hold=2 * MIB,
        recycle=3 * MIB,
        kill=4 * MIB,
        samples=5,
        keep_free=6 * MIB,
        governed=True,
        forecast=False,
    )
    assert {type(n) for n in (a.memory.warn, a.memory.total.kill, want.memory.keep_free)} == {int}
    assert type(a.age.max_age) is type(b.memory.deadline) is float


def test_what_flags_make_of_it() -> None:
    spec = spec_of(GOVERNED)
    on = wanted(spec)
    assert (on.one_by_one, on.groups["a"].spares, on.shared) == (False, 1, frozenset())

    def switched(name: str, value: bool) -> Wanted:
        return wanted(with_flags(spec, {name: value}))

    assert switched("parallel_spawn", False).one_by_one
    assert switched("session_pool", False).groups["a"].spares == 0
    assert not switched("memory_governor", False).memory.governed
    assert switched("memory_forecast", True).memory.forecast
    assert switched("dedicated_pipes", False).shared == frozenset()  # it has spares
    assert wanted(
        with_flags(spec_of("workers: {a: {task: [x]}}"), {"dedicated_pipes": False})
    ).shared


@pytest.mark.parametrize(
    ("unavailable", "surge", "count", "numbers"),
    [
        (1, 0, 4, (1, 0)),
        ("25%", 0, 10, (2, 0)),
        ("25%", 0, 3, (1, 0)),
        ("25%", 1, 3, (0, 1)),
        (0, "1%", 3, (0, 1)),
        (0, "50%", 0, (1, 0)),
        ("100%", "100%", 7, (7, 7)),
        ("0%", "34%", 3, (0, 2)),
    ],
)
def test_shares_become_numbers(
    unavailable: Share, surge: Share, count: int, numbers: tuple[int, int]
) -> None:
    rules = rollout_rules(Rollout(max_unavailable=unavailable, surge=surge), count)
    assert (rules.max_unavailable, rules.surge) == numbers


def test_plans_name_the_key_behind_a_fifo() -> None:
    kinds: list[tuple[a.AnyAction, str, str]] = [
        (a.AddInbox(worker="t", reason="added"), "add_inbox", "pipes.inboxes.t"),
        (a.AddOutbox(worker="t", reason="added"), "add_outbox", "pipes.outboxes.t"),
        (a.RemoveOutbox(worker="t", reason="group_removed"), "remove_outbox", "pipes.outboxes.t"),
        (a.AddShared(worker="t", reason="added"), "add_shared", "workers.t.layout"),
        (a.RemoveShared(worker="t", reason="spec_changed"), "remove_shared", "workers.t.layout"),
    ]
    for action, name, key in kinds:
        shown = planned(action, SPEC, SPEC)
        assert (shown.action, shown.worker, shown.group) == (name, None, "t")
        assert (shown.field, shown.detail) == (key, "")
