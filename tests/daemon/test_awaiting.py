"""Waiting until workers are as somebody wants them, and the conditions that status gives."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied

SPEC = "{version: 1, fleet: sim, workers: {a: {count: 2, run: [a]}, b: {count: 1, serve: [b]}}}"


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(SPEC)
    yield made
    made.sim.close()


def awaited(scene: Scene, wanted: Any, *targets: str) -> t.Awaited:
    """As soon as a pass has been over, or at once where it is so already."""
    fleet = scene.sim.fleet
    assert fleet is not None

    async def body() -> t.Awaited:
        wish = t.Await(for_=wanted, targets=targets, timeout=0.2)
        waiting = asyncio.create_task(scene.facade.awaited(wish))
        await asyncio.sleep(0)
        running = asyncio.create_task(fleet.run())
        found = await waiting
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return found

    return scene.sim.run(body())


@pytest.mark.parametrize("wanted", ["started", "ready", "healthy", "idle", "settled"])
def test_a_settled_fleet_is_all_that(scene: Scene, wanted: str) -> None:
    assert awaited(scene, wanted) == t.Awaited(met=True, missing=(), count=0)


@pytest.mark.parametrize(("wanted", "count"), [("stopped", 3), ("finished", 3)])
def test_who_is_not_so_far_is_named(scene: Scene, wanted: str, count: int) -> None:
    found = awaited(scene, wanted)
    assert (found.met, found.count) == (False, count)
    assert [missing.worker for missing in found.missing] == ["a-1", "a-2", "b-1"]
    assert found.missing[0].state == "running"


def test_only_the_targets_count(scene: Scene) -> None:
    scene.order("stop", "a")
    scene.sim.settle()
    assert awaited(scene, "stopped", "a").met
    assert awaited(scene, "stopped", "a-1").met
    assert not awaited(scene, "stopped", "a", "b").met
    assert awaited(scene, "ready").met, "who was stopped by an order is not waited for"


def test_a_target_that_there_is_not(scene: Scene) -> None:
    with pytest.raises(Denied) as refused:
        awaited(scene, "ready", "c")
    assert refused.value.reason == "unknown_target"


def conditions(found: tuple[t.Condition, ...]) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in found}


def test_conditions_of_a_fleet_that_is_well(scene: Scene) -> None:
    status = scene.status()
    assert conditions(status.conditions) == {
        "Converged": ("True", ""),
        "SpecInForce": ("True", ""),
        "Durable": ("True", ""),
        "Sound": ("True", ""),
        "MemoryWithinLimits": ("Unknown", ""),
    }
    assert conditions(scene.group("a").conditions) == {
        "Running": ("True", ""),
        "Ready": ("True", ""),
        "Healthy": ("Unknown", ""),
        "UpToDate": ("True", ""),
        "ChangeFailed": ("False", ""),
        "MemoryWithinLimits": ("Unknown", ""),
    }
    worker = scene.worker("b-1")
    assert conditions(worker.conditions) == {
        "Running": ("True", ""),
        "Ready": ("True", ""),
        "Healthy": ("Unknown", ""),
        "UpToDate": ("True", ""),
        "MemoryWithinLimits": ("Unknown", ""),
    }
    running = worker.conditions[0]
    assert running.since == worker.since


def test_conditions_of_what_is_stopped_and_of_what_fails(scene: Scene) -> None:
    scene.order("stop", "a-1")
    scene.sim.settle()
    assert conditions(scene.worker("a-1").conditions)["Running"] == ("False", "operator_stop")
    group = conditions(scene.group("a").conditions)
    assert group["Ready"] == ("False", "operator_stop")
    scene.sim.journal.fail("the disk is full")
    assert conditions(scene.status().conditions)["Durable"] == ("False", "journal")
    scene.sim.journal.heal()
    scene.sim.edit("workers: [")
    assert not scene.sim.reload()
    found = {c.type: c for c in scene.status().conditions}
    assert (found["SpecInForce"].status, found["SpecInForce"].reason) == ("False", "rejected")


def test_nobody_is_healthy_before_the_check_has_said_so() -> None:
    check = '{tcp: "127.0.0.1:1", delay: 100s}'
    scene = Scene(f"{{version: 1, fleet: sim, workers: {{a: {{run: [a], health: {check}}}}}}}")
    try:
        assert awaited(scene, "ready").met
        assert not awaited(scene, "healthy").met
    finally:
        scene.sim.close()


def test_a_restart_is_not_over_while_the_old_run_lives(scene: Scene) -> None:
    """Also where the worker is paused, which is a settled state otherwise."""
    scene.order("pause", "b")
    scene.sim.settle()
    assert awaited(scene, "settled", "b").met
    scene.order("restart", "b")
    # Over before any pass: what is known already must do.
    wish = t.Await(for_="settled", timeout=0.0)
    assert [m.worker for m in scene.ask(scene.facade.awaited(wish)).missing] == ["b-1"]
