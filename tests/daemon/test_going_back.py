"""A change that goes back by itself, or gets stuck: everybody who asks is told, and nobody waits for nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from tests.daemon.facade_scene import Scene
from tests.daemon.test_revisions import NEW, ONE, fail_the_change
from tmaxd.daemon.api import types as t
from tmaxd.ports.probes import Answer
from tmaxd.testing.simulation import Simulation

WHY = "a-1 ended with status 1 before it ever counted as healthy"


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(ONE)
    yield made
    made.sim.close()


@pytest.fixture
def gone_back(scene: Scene) -> Scene:
    scene.edit(NEW)
    fail_the_change(scene)
    scene.sim.settle()
    return scene


def live(scene: Scene, work: Any) -> Any:
    """The daemon's loop runs, with time that passes, until the work is done."""
    fleet, sim = scene.sim.fleet, scene.sim
    assert fleet is not None

    async def body() -> Any:
        running = asyncio.create_task(fleet.run())
        working = asyncio.create_task(work)
        try:
            async with asyncio.timeout(20):
                while not working.done():
                    sim.clock.advance(0.1)
                    fleet.wake()
                    await asyncio.sleep(0)
                return await working
        finally:
            for task in (running, working):
                task.cancel()
            await asyncio.gather(running, working, return_exceptions=True)

    return sim.run(body())


def condition(found: tuple[t.Condition, ...], name: str) -> t.Condition:
    return next(c for c in found if c.type == name)


def test_the_conditions_of_the_fleet_tell(gone_back: Scene) -> None:
    status = gone_back.status()
    assert status.spec.state == "change_failed"
    found = condition(status.conditions, "SpecInForce")
    assert (found.status, found.reason) == ("False", "change_failed")
    assert (
        found.message == f"a: revision 2 of the file failed ({WHY}), revision 1 is in force for it"
    )
    assert condition(status.conditions, "Converged").status == "True", "it has gone back"
    gone_back.edit(NEW.replace("NEW: y", "NEW: z"))
    gone_back.sim.settle()
    assert condition(gone_back.status().conditions, "SpecInForce").status == "True"


def test_a_reload_tells(gone_back: Scene) -> None:
    found = live(gone_back, gone_back.facade.reload(5.0))
    assert (found.outcome, found.revision, found.converged) == ("change_failed", 2, True)
    (change,) = found.failed_changes
    assert (change.group, change.revision, change.to, change.message) == ("a", 2, 1, WHY)
    gone_back.sim.edit(NEW.replace("count: 2", "count: 3"))
    found = live(gone_back, gone_back.facade.reload(5.0))
    assert (found.outcome, found.revision) == ("change_failed", 3), "the command still is not tried"
    gone_back.sim.edit(ONE)
    found = live(gone_back, gone_back.facade.reload(5.0))
    assert (found.outcome, found.failed_changes) == ("applied", ())


def test_a_wait_for_settled_tells_at_once(gone_back: Scene) -> None:
    wish = t.Await(for_="settled", targets=("a-2",), timeout=300.0)
    found = live(gone_back, gone_back.facade.awaited(wish))
    assert (found.met, found.missing, found.count) == (False, (), 0)
    assert [change.group for change in found.failed_changes] == ["a"]
    for wanted in ("obeyed", "ready"):
        wish = t.Await(for_=wanted, targets=("a",), timeout=300.0)
        assert live(gone_back, gone_back.facade.awaited(wish)).met


def test_a_wait_for_settled_of_another_group_is_not_concerned() -> None:
    both = ONE.replace("}}}", "}, b: {run: [b]}}}")
    scene = Scene(both)
    try:
        scene.edit(both.replace("[a]}", "[a], env: {NEW: y}}"))
        fail_the_change(scene)
        scene.sim.settle()
        wish = t.Await(for_="settled", targets=("b",), timeout=300.0)
        assert live(scene, scene.facade.awaited(wish)).met
        wish = t.Await(for_="settled", timeout=300.0)
        assert not live(scene, scene.facade.awaited(wish)).met
    finally:
        scene.sim.close()


def test_the_history_tells_which_groups_went_back(gone_back: Scene) -> None:
    def failed() -> list[tuple[int, tuple[str, ...]]]:
        rows = gone_back.ask(gone_back.facade.revisions()).revisions
        return [(row.number, row.failed) for row in rows]

    assert failed() == [(2, ("a",)), (1, ())]
    gone_back.edit(NEW.replace("NEW: y", "NEW: z"))
    gone_back.sim.settle()
    assert failed() == [(3, ()), (2, ("a",)), (1, ())], "also when it is over"


def test_a_pinned_change_does_not_keep_anybody_waiting(scene: Scene) -> None:
    scene.order("pin", "a-2")
    scene.sim.edit(NEW)
    found = live(scene, scene.facade.reload(30.0))
    assert (found.outcome, found.converged, found.pinned) == ("applied", True, ("a-2",))
    worker = scene.worker("a-2")
    assert (worker.pending, worker.held_by) == ("spec_changed", ("pinned",))
    current = condition(worker.conditions, "UpToDate")
    assert (current.status, current.message) == ("False", "env changed; waits, since it is pinned")
    converged = condition(scene.status().conditions, "Converged")
    assert (converged.status, converged.message) == ("True", "pinned, so not replaced: a-2")
    wish = t.Await(for_="settled", timeout=30.0)
    assert live(scene, scene.facade.awaited(wish)).met


def test_a_restart_of_whom_somebody_has_pinned_is_not_obeyed(scene: Scene) -> None:
    scene.order("pin", "a-2")
    scene.order("restart", "a-2")
    wish = t.Await(for_="obeyed", targets=("a",), timeout=0.0)
    found = live(scene, scene.facade.awaited(wish))
    assert [m.worker for m in found.missing] == ["a-2"]


def test_who_is_attached_is_told_apart(scene: Scene) -> None:
    scene.sim.tmux.attach("a-2")
    scene.edit(NEW)
    for _ in range(20):
        scene.sim.one_pass()
        scene.sim.advance(1.0)
    worker = scene.worker("a-2")
    assert (worker.pending, worker.held_by) == ("spec_changed", ("attached",))
    converged = condition(scene.status().conditions, "Converged")
    assert (converged.status, converged.reason) == ("False", "pending")


REPORT = (
    "{version: 1, fleet: sim, workers: {a: {count: 2, run: [a], "
    'health: {tcp: "127.0.0.1:1", every: 1s, failures: 2, then: report}}}}'
)


def ill_fleet() -> Scene:
    scene = Scene.__new__(Scene)
    scene.sim = Simulation(REPORT)
    scene.sim.probes.answers["127.0.0.1:1"] = Answer(False, "refused")
    scene.start(settle=False)
    for _ in range(10):
        scene.sim.one_pass()
        scene.sim.advance(1.0)
    assert set(scene.states().values()) == {"unhealthy"}
    return scene


def test_an_ill_worker_that_is_only_reported_keeps_nobody_waiting() -> None:
    scene = ill_fleet()
    try:
        assert scene.status().converged
        assert live(scene, scene.facade.reload(30.0)).outcome == "no_change"
        scene.sim.edit(REPORT.replace("[a]", "[b]"))
        found = live(scene, scene.facade.reload(30.0))
        assert (found.outcome, found.converged) == ("failed", False)
        (late,) = found.failed
        why = "its change waits for a-1, which is unhealthy"
        assert (late.worker, late.message) == ("a-2", why)
        converged = condition(scene.status().conditions, "Converged")
        assert (converged.status, converged.reason) == ("False", "stuck")
        assert converged.message == f"a-2: {why}"
    finally:
        scene.sim.close()


LIMIT = (
    "{version: 1, fleet: sim, workers: {a: {run: [a], restart: {backoff: {first: 0s}, "
    "limit: {crashes: 2, within: 1h, then: %s}}}}}"
)


def crash_it(scene: Scene, state: str) -> None:
    for _ in range(60):
        fleet = scene.sim.fleet
        assert fleet is not None
        live_run = fleet.runs.live.get("a-1")
        if live_run is not None and live_run.alive:
            pid = live_run.proc.pid
            scene.sim.do(lambda pid=pid: scene.sim.processes.exit(pid, 3))  # type: ignore[misc]
        scene.sim.one_pass()
        scene.sim.advance(0.1)
        if scene.states()["a-1"] == state:
            return
    raise AssertionError(scene.sim.log.getvalue())


def test_a_quarantine_ends_waits_at_once() -> None:
    scene = Scene(LIMIT % "retry, every: 10m")
    try:
        crash_it(scene, "quarantined")
        found = live(scene, scene.facade.reload(300.0))
        assert (found.outcome, found.converged) == ("failed", False)
        assert [(m.worker, m.state) for m in found.failed] == [("a-1", "quarantined")]
        assert "exit status 3" in found.failed[0].message
        converged = condition(scene.status().conditions, "Converged")
        assert (converged.status, converged.reason) == ("False", "stuck")
    finally:
        scene.sim.close()


def test_who_has_failed_for_good_is_not_waited_for() -> None:
    scene = Scene(LIMIT % "stop")
    try:
        crash_it(scene, "failed")
        for wanted in ("settled", "obeyed", "ready"):
            wish = t.Await(for_=wanted, timeout=300.0)
            found = live(scene, scene.facade.awaited(wish))
            assert (found.met, [m.state for m in found.missing]) == (False, ["failed"])
        assert live(scene, scene.facade.reload(5.0)).outcome == "no_change", "it failed long before"
    finally:
        scene.sim.close()


def test_a_drain_says_what_is_in_hand() -> None:
    scene = Scene("{version: 1, fleet: sim, workers: {b: {serve: [b], window: 8}}}")
    try:
        scene.sim.submit("b", 3)
        scene.sim.one_pass()
        scene.sim.do(scene.sim.workers.read)
        scene.order("drain", "b")
        scene.sim.one_pass()
        worker = scene.worker("b-1")
        assert (worker.state, worker.orders) == ("draining", ("drain",))
        assert worker.message == "drained by an order: waits for the 3 tasks in hand"
        scene.sim.settle()
        assert scene.states() == {"b-1": "stopped"}
    finally:
        scene.sim.close()
