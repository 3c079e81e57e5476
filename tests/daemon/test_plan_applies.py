"""A plan shows what a reload would do: with the orders that hold, changes that have failed, and who is pinned."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tests.daemon.test_revisions import NEW, ONE, fail_the_change
from tmaxd.daemon.api import types as t


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(ONE)
    yield made
    made.sim.close()


def plan(scene: Scene, text: str | None = None) -> t.PlanResult:
    if text is not None:
        scene.sim.edit(text)
    found = scene.ask(scene.facade.plan())
    assert isinstance(found, t.PlanResult)
    return found


def test_a_plan_does_not_try_again_what_has_failed(scene: Scene) -> None:
    scene.edit(NEW)
    fail_the_change(scene)
    scene.sim.settle()
    found = plan(scene)
    assert (found.outcome, found.actions, found.settings) == ("no_change", (), ())
    assert [change.group for change in found.failed_changes] == ["a"]
    more = plan(scene, NEW.replace("count: 2", "count: 3"))
    assert [(a.action, a.worker) for a in more.actions] == [("start", "a-3")]
    assert [change.group for change in more.failed_changes] == ["a"]
    other = plan(scene, NEW.replace("NEW: y", "NEW: z"))
    assert {a.worker for a in other.actions} == {"a-1", "a-2"}
    assert other.failed_changes == ()


def test_a_plan_of_the_file_that_a_rollback_has_set_aside(scene: Scene) -> None:
    scene.edit(NEW)
    scene.sim.settle()
    scene.ask(scene.facade.rollback(1))
    scene.sim.settle()
    found = plan(scene)
    assert (found.outcome, found.actions, found.set_aside) == ("no_change", (), True)
    found = plan(scene, NEW.replace("count: 2", "count: 1"))
    assert found.set_aside is False
    assert found.actions != ()


def test_a_plan_counts_with_orders_and_with_those_that_the_file_would_overrule(
    scene: Scene,
) -> None:
    scene.order("scale", "a", count=4)
    scene.sim.settle()
    assert plan(scene).outcome == "no_change", "a reload would leave it"
    fewer = plan(scene, ONE.replace("count: 2", "count: 1"))
    assert {a.worker for a in fewer.actions if a.action == "stop"} == {"a-2", "a-3", "a-4"}
    scene.sim.edit(ONE)
    assert scene.group("a").count == 4, "it was only a question"


def test_a_plan_lists_who_is_pinned(scene: Scene) -> None:
    scene.order("pin", "a-2")
    found = plan(scene, NEW)
    assert {a.worker for a in found.actions} == {"a-1"}
    (left,) = found.waiting
    assert (left.worker, left.reason, left.why) == ("a-2", "spec_changed", "pinned")
    assert left.field == "workers.a.env"
    scene.edit(NEW)
    scene.sim.settle()
    found = plan(scene)
    assert (found.outcome, found.actions, found.settings) == ("no_change", (), ())
    assert [w.worker for w in found.waiting] == ["a-2"], "the change waits for it still"
