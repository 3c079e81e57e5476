"""`hot_reload` off: what becomes of a file that is saved, until somebody asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tests.daemon.test_flags import set_flag, spec
from tests.waiting import until


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(spec())
    yield made
    made.sim.close()


def save(scene: Scene, text: str) -> None:
    """As the watch on files does it."""
    scene.sim.edit(text)
    fleet = scene.sim.fleet
    assert fleet is not None
    scene.sim.run(fleet.desired.reload(asked=False))


def state(scene: Scene) -> tuple[str, int, int]:
    status = scene.status()
    return status.spec.state, status.spec.revision, len(status.spec.problems)


def taken_over(scene: Scene) -> None:
    """The file is read off the loop."""
    scene.sim.run(until(lambda: scene.facade.status().spec.state != "waiting", "it is taken over"))


def test_a_saved_file_waits_and_is_told_once(scene: Scene) -> None:
    save(scene, spec(hot_reload=False))
    assert state(scene) == ("in_force", 2, 0), "the flag was on when this was saved"
    two = spec(hot_reload=False).replace("count: 1", "count: 2")
    save(scene, two)
    save(scene, two)
    assert state(scene) == ("waiting", 2, 0)
    assert [e.fields for e in scene.events("spec_waits")] == [{"changed": ["workers.a.count"]}]
    condition = next(c for c in scene.status().conditions if c.type == "SpecInForce")
    assert (condition.status, condition.reason) == ("False", "waiting")
    assert "waits for a reload" in condition.message
    assert scene.group("a").count == 1
    assert scene.ask(scene.facade.reload(0.0)).outcome == "applied"
    assert state(scene) == ("in_force", 3, 0)


def test_a_bad_file_is_shown_and_the_old_one_waits_for_nothing(scene: Scene) -> None:
    save(scene, spec(hot_reload=False))
    save(scene, "{version: 1}")
    assert state(scene)[0] == "rejected"
    two = spec(hot_reload=False).replace("count: 1", "count: 2")
    save(scene, two)
    assert state(scene) == ("waiting", 2, 0)
    save(scene, spec(hot_reload=False))
    assert state(scene) == ("in_force", 2, 0), "it says again what is in force"


def test_a_file_that_turns_it_on_is_taken_over(scene: Scene) -> None:
    save(scene, spec(hot_reload=False))
    save(scene, spec(hot_reload=True).replace("count: 1", "count: 2"))
    assert state(scene) == ("in_force", 3, 0)
    assert scene.group("a").count == 2


def test_a_file_that_turns_it_on_against_an_order_waits(scene: Scene) -> None:
    set_flag(scene, "hot_reload", False, 600.0)
    save(scene, spec(hot_reload=True))
    assert state(scene)[0] == "waiting"
    set_flag(scene, "hot_reload", None)
    taken_over(scene)
    assert state(scene) == ("in_force", 2, 0), "what waits is taken over"


def test_what_waits_is_taken_over_when_the_time_of_the_order_is_over(scene: Scene) -> None:
    set_flag(scene, "hot_reload", False, 60.0)
    save(scene, spec(batching=False))
    assert state(scene)[0] == "waiting"
    scene.sim.advance(61.0)
    scene.sim.one_pass()
    taken_over(scene)
    assert state(scene) == ("in_force", 2, 0)


def test_the_next_daemon_takes_over_nothing_that_waits(scene: Scene) -> None:
    save(scene, spec(hot_reload=False))
    two = spec(hot_reload=False).replace("count: 1", "count: 2")
    save(scene, two)
    scene.start()
    assert state(scene) == ("waiting", 2, 0)
    assert scene.group("a").count == 1
    scene.sim.crash()
    scene.sim.edit(two.replace("count: 2", "count: 3"))
    scene.start()
    assert state(scene) == ("waiting", 2, 0)
    assert scene.group("a").count == 1
    assert scene.sim.reload()
    assert scene.group("a").count == 3


def test_an_order_is_known_to_the_next_daemon_before_it_looks_at_the_file(scene: Scene) -> None:
    set_flag(scene, "hot_reload", False)
    scene.sim.crash()
    scene.sim.edit(spec(batching=False))
    scene.start()
    assert state(scene) == ("waiting", 1, 0)
