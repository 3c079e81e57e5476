"""The changes of a spec that need no action, as a plan tells of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.daemon.test_fleet import facade_of
from tmaxd.daemon.api.types import PlannedAction, PlannedSetting, RouteStatus
from tmaxd.daemon.planned import settings
from tmaxd.spec.diff import diff
from tmaxd.spec.model import Group, Inbox, Pipes, Retry, Route, Spec
from tmaxd.spec.supervision import Stop
from tmaxd.spec.units import Duration
from tmaxd.testing.simulation import Simulation

GROUP = Group(kind="task", argv=("cat",), cwd="/", count=2, window=8, timeout=Duration(30))
BEFORE = Spec(fleet="f", workers={"a": GROUP})


def changed(**fields: Any) -> Spec:
    return Spec(fleet="f", workers={"a": msgspec.structs.replace(GROUP, **fields)})


def planned(field: str | None) -> PlannedAction:
    return PlannedAction(
        action="start", worker="a-1", group="a", reason="r", field=field, detail=""
    )


def found(after: Spec, *fields: str | None, before: Spec = BEFORE) -> list[tuple[Any, ...]]:
    return [
        (s.key, s.change, s.old, s.new, s.effect)
        for s in settings(diff(before, after), [planned(field) for field in fields])
    ]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, []),
        ({"timeout": Duration(0.5)}, [("workers.a.timeout", "changed", "30s", "500ms", "at_once")]),
        ({"timeout": None}, [("workers.a.timeout", "removed", "30s", None, "at_once")]),
        ({"lease": None}, [("workers.a.lease", "changed", "60s", "never", "at_once")]),
        ({"max_queue": 7}, [("workers.a.max_queue", "added", None, "7", "at_once")]),
        ({"retry": Retry(attempts=3)}, [("workers.a.retry.attempts", "changed", "1", "3", "at_once")]),
        ({"stop": Stop(signal="INT")}, [("workers.a.stop.signal", "changed", "TERM", "INT", "at_once")]),
        ({"window": 9}, [("workers.a.window", "changed", "8", "9", "next_start")]),
        ({"window": 7}, [("workers.a.window", "changed", "8", "7", "at_once")]),
        ({"argv": ("cat", "-n")}, [("workers.a.task", "changed", '["cat"]', '["cat","-n"]', "next_start")]),
        ({"argv": ("x" * 99,)}, [("workers.a.task", "changed", '["cat"]', None, "next_start")]),
        ({"env": {"TOKEN": "secret"}}, [("workers.a.env.TOKEN", "added", None, None, "next_start")]),
    ],
)  # fmt: skip
def test_each_kind_of_setting(fields: dict[str, Any], told: list[tuple[Any, ...]]) -> None:
    assert found(changed(**fields)) == told


def test_what_an_action_carries_out_is_not_told_again() -> None:
    after = changed(count=3, env={"A": "b"}, timeout=None)
    told = found(after, "workers.a.count", "workers.a.env, workers.a.cwd", None)
    assert [key for key, *_ in told] == ["workers.a.timeout"]
    assert found(Spec(fleet="f", workers={}), "workers.a") == []


def test_a_key_is_no_part_of_a_longer_word() -> None:
    pipes = Pipes(inboxes={"in": Inbox(to=("a",)), "inner": Inbox(to=("a",))})
    after = Spec(fleet="f", workers={"a": GROUP}, pipes=pipes)
    told = found(after, "pipes.inboxes.in")
    assert told == [("pipes.inboxes.inner", "added", None, None, "at_once")]


def test_routes_and_groups_without_workers() -> None:
    pipes = Pipes(routes=(Route(sources=("a",), to=("b",)),))
    after = Spec(
        fleet="f", workers={"a": GROUP, "b": msgspec.structs.replace(GROUP, count=0)}, pipes=pipes
    )
    keys = [(key, change) for key, change, *_ in found(after)]
    assert keys == [("pipes.routes", "changed"), ("workers.b", "added")]
    assert isinstance(settings(diff(BEFORE, after), ())[0], PlannedSetting)


SPEC = """\
version: 1
fleet: sim
workers:
  check: {count: 1, task: [echo]}
  other: {count: 1, task: [echo]}
pipes:
  routes: [{from: check, to: other, when: any, max_hops: 2}]
"""


def test_the_daemon_tells_of_settings_and_routes() -> None:
    sim = Simulation(SPEC)
    try:
        sim.start()
        sim.settle()
        there = Path("/elsewhere/new.yaml")
        sim.files.specs[there] = SPEC.replace("check: {", "check: {timeout: 9s, ")
        plan = sim.run(facade_of(sim).plan(there))
        routes = facade_of(sim).status().routes
    finally:
        sim.close()
    assert (plan.outcome, plan.actions) == ("changes", ())
    assert [(s.key, s.new) for s in plan.settings] == [("workers.check.timeout", "9s")]
    route = RouteStatus(from_=("check",), to=("other",), when="any", payload="{result}", max_hops=2)
    assert routes == (route,)
