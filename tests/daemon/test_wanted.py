"""What each part is told of a spec: the planner, and the dispatcher."""

from __future__ import annotations

from tests.unit.spec.loading import spec_of
from tmaxd.daemon.planned import planned
from tmaxd.daemon.wanted import policies, wanted
from tmaxd.plan import actions as a
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
