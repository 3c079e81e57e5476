"""Since when conditions are so: the true moment of the last transition of each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tests.daemon.test_revisions import NEW, ONE, fail_the_change
from tmaxd.daemon import conditions
from tmaxd.daemon.moments import Moments, Truths
from tmaxd.ports.probes import Answer
from tmaxd.testing.probes import GOOD


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(ONE)
    yield made
    made.sim.close()


def wall(scene: Scene) -> float:
    return scene.sim.clock.wall()


def spend(scene: Scene, seconds: float) -> None:
    """In passes of half a second."""
    for _ in range(int(seconds * 2)):
        scene.sim.advance(0.5)
        scene.sim.do(scene.sim.workers.read)
        scene.sim.do(scene.sim.workers.finish)
        scene.sim.one_pass()


Moment = tuple[str, float | None]


def of_worker(scene: Scene, name: str) -> dict[str, Moment]:
    return {c.type: (c.status, c.since) for c in scene.worker(name).conditions}


def of_group(scene: Scene, name: str) -> dict[str, Moment]:
    return {c.type: (c.status, c.since) for c in scene.group(name).conditions}


def of_fleet(scene: Scene) -> dict[str, Moment]:
    return {c.type: (c.status, c.since) for c in scene.status().conditions}


def test_what_was_never_otherwise_is_as_old_as_the_daemon(scene: Scene) -> None:
    begun = of_fleet(scene)
    assert begun["MemoryWithinLimits"][0] == "Unknown", "there is no limit"
    others = {status for kind, (status, _) in begun.items() if kind != "MemoryWithinLimits"}
    assert others == {"True"}
    assert None not in {since for _, since in begun.values()}
    spend(scene, 30)
    assert of_fleet(scene) == begun
    started = scene.worker("a-1").since
    assert of_worker(scene, "a-1")["UpToDate"] == ("True", started)
    assert of_group(scene, "a")["ChangeFailed"][0] == "False"
    scene.start()
    later = wall(scene)
    spend(scene, 5)
    fresh = of_fleet(scene)["Durable"][1]
    assert fresh is not None
    assert later - 2 <= fresh <= later
    assert of_worker(scene, "a-1")["Running"] == ("True", started), "the process lives on"
    current = of_worker(scene, "a-1")["UpToDate"][1]
    assert current is not None
    assert current > started, "of the time before nobody knows"


def test_drift_is_as_old_as_the_edit(scene: Scene) -> None:
    scene.order("pin", "a-1")
    scene.sim.settle()
    started = scene.worker("a-1").since
    spend(scene, 10)
    edited = wall(scene)
    scene.edit(NEW)
    scene.sim.one_pass()
    spend(scene, 10)
    assert of_worker(scene, "a-1")["UpToDate"] == ("False", edited)
    assert of_worker(scene, "a-1")["Running"] == ("True", started)
    assert of_group(scene, "a")["UpToDate"] == ("False", edited)
    back = wall(scene)
    scene.edit(ONE)
    scene.sim.one_pass()
    spend(scene, 10)
    assert of_worker(scene, "a-1")["UpToDate"] == ("True", back)


def test_a_crash_and_a_new_start(scene: Scene) -> None:
    before = of_worker(scene, "a-2")
    spend(scene, 10)
    died = wall(scene)
    pid = scene.worker("a-1").pid
    assert pid is not None
    scene.sim.do(lambda: scene.sim.processes.exit(pid, 1))
    scene.sim.settle()
    found = of_worker(scene, "a-1")
    started = scene.worker("a-1").since
    assert started >= died
    assert found["Running"] == found["UpToDate"] == ("True", started)
    assert of_worker(scene, "a-2") == before
    assert of_group(scene, "a")["Running"] == ("True", started)


def test_a_stop_is_as_old_as_the_end_and_the_group_s_as_the_first(scene: Scene) -> None:
    spend(scene, 10)
    first = wall(scene)
    scene.order("stop", "a-1")
    scene.sim.settle()
    spend(scene, 10)
    scene.order("stop", "a-2")
    scene.sim.settle()
    spend(scene, 10)
    one, two = (of_worker(scene, name)["Running"] for name in ("a-1", "a-2"))
    assert one[1] is not None
    assert two[1] is not None
    assert first <= one[1] <= first + 3 < two[1]
    assert of_group(scene, "a")["Running"] == ("False", one[1])


def test_health_and_readiness() -> None:
    check = '{tcp: "127.0.0.1:1", every: 1s, failures: 2, then: report}'
    scene = Scene(f"{{version: 1, fleet: sim, workers: {{a: {{run: [a], health: {check}}}}}}}")
    try:
        spend(scene, 10)
        well = of_worker(scene, "a-1")
        assert well["Healthy"][0] == "True"
        asked = wall(scene)
        scene.sim.probes.answers["127.0.0.1:1"] = Answer(False, "refused")
        spend(scene, 20)
        status, since = of_worker(scene, "a-1")["Healthy"]
        assert status == "False"
        assert since is not None
        assert asked < since <= asked + 4
        scene.sim.probes.answers["127.0.0.1:1"] = GOOD
        healed = wall(scene)
        spend(scene, 20)
        status, since = of_group(scene, "a")["Healthy"]
        assert status == "True"
        assert since is not None
        assert healed < since <= healed + 4
        assert of_worker(scene, "a-1")["Ready"] == well["Ready"]
    finally:
        scene.sim.close()


def test_the_fleet_s(scene: Scene) -> None:
    spend(scene, 10)
    full = wall(scene)
    scene.sim.journal.fail("the disk is full")
    scene.sim.one_pass()
    spend(scene, 10)
    assert of_fleet(scene)["Durable"] == ("False", full)
    scene.sim.journal.heal()
    healed = wall(scene)
    scene.sim.one_pass()
    spend(scene, 10)
    assert of_fleet(scene)["Durable"] == ("True", healed)
    bad = wall(scene)
    scene.sim.edit("workers: [")
    scene.sim.reload()
    scene.sim.one_pass()
    spend(scene, 10)
    assert of_fleet(scene)["SpecInForce"] == ("False", bad)
    assert of_fleet(scene)["Converged"][0] == "True"


def test_a_change_that_failed_is_as_old_as_the_verdict(scene: Scene) -> None:
    before = of_group(scene, "a")["ChangeFailed"]
    scene.edit(NEW)
    fail_the_change(scene)
    scene.sim.settle()
    back = scene.group("a").rolled_back
    assert back is not None
    assert of_group(scene, "a")["ChangeFailed"] == ("True", back.at)
    spend(scene, 5)
    scene.edit(ONE)
    scene.sim.settle()
    status, since = of_group(scene, "a")["ChangeFailed"]
    assert status == "False"
    assert before[1] is not None
    assert since is not None
    assert before[1] < back.at < since


UP: Truths = ("True", "True", "Unknown", "True")


def test_another_run_was_down_in_between() -> None:
    moments = Moments()
    moments.note("a-1", UP, (1.0, 2.0, None, None), 5.0, "r1")
    assert moments.since("a-1") == (1.0, 2.0, 5.0, 5.0)
    assert moments.same("a-1", UP, "r1")
    assert not moments.same("a-1", UP, "r2")
    assert moments.note("a-1", UP, (7.0, 8.0, 7.0, 7.0), 9.0, "r2") == [
        (0, 7.0),
        (1, 8.0),
        (3, 7.0),
    ]
    assert moments.since("a-1") == (7.0, 8.0, 5.0, 7.0), "nobody has asked how it is, ever"


def test_a_moment_that_was_written_down_before_the_last_change_is_another_s() -> None:
    moments = Moments()
    moments.note("a-1", UP, (10.0,) * 4, 10.0, "r1")
    moments.note("a-1", conditions.DOWN, (3.0,) * 4, 12.0)
    assert moments.since("a-1") == (12.0, 12.0, 10.0, 12.0)


def test_who_is_gone_is_forgotten() -> None:
    moments = Moments()
    for name in ("a-1", "a-2"):
        moments.note(name, UP, (1.0,) * 4, 1.0)
    moments.keep({"a-2"})
    assert not moments.same("a-1", UP)
    assert moments.same("a-2", UP)


@pytest.mark.parametrize(
    ("own", "count", "found"),
    [
        ([UP, UP], 2, ("True", "True", "Unknown", "True")),
        ([UP], 2, ("False", "False", "False", "False")),
        ([UP, conditions.DOWN], 2, ("False", "False", "Unknown", "Unknown")),
        ([UP, UP, UP], 2, ("True", "True", "Unknown", "True")),
        ([], 0, ("True", "True", "True", "True")),
        ([], 1, ("False", "False", "False", "False")),
    ],
)
def test_what_holds_of_a_group(own: list[Truths], count: int, found: Truths) -> None:
    assert conditions.of_own(own, count, failed=False) == (*found, "False")
