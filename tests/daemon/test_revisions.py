"""Revisions: listed, compared, gone back to; and changes that fail, which go back by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.api.facade import Denied

ONE = "{version: 1, fleet: sim, workers: {a: {count: 2, run: [a]}}}"
NEW = ONE.replace("[a]}", "[a], env: {NEW: y}}")


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(ONE)
    yield made
    made.sim.close()


def numbers(scene: Scene) -> list[tuple[int, str, bool, bool]]:
    rows = scene.ask(scene.facade.revisions()).revisions
    return [(r.number, r.cause, r.in_force, r.in_file) for r in rows]


def test_revisions_are_listed_and_compared(scene: Scene) -> None:
    scene.edit(NEW)
    scene.sim.settle()
    assert numbers(scene) == [(2, "", True, True), (1, "", False, False)]
    difference = scene.ask(scene.facade.difference(None, None))
    assert (difference.old, difference.new) == (1, 2)
    assert [(c.key, c.new) for c in difference.changes] == [("workers.a.env.NEW", "y")]
    back = scene.ask(scene.facade.difference(2, 1))
    assert [(c.key, c.old) for c in back.changes] == [("workers.a.env.NEW", "y")]


def test_a_rollback_holds_until_the_file_is_edited(scene: Scene) -> None:
    scene.edit(NEW)
    scene.sim.settle()
    done = scene.ask(scene.facade.rollback(None))
    assert (done.outcome, done.to, done.revision) == ("applied", 1, 3)
    assert done.changed == ("workers.a.env.NEW",)
    scene.sim.settle()
    spec = scene.status().spec
    assert (spec.state, spec.revision, spec.cause) == ("rolled_back", 3, "rollback to 1")
    assert scene.worker("a-1").revision == 3
    scene.start()
    assert scene.status().spec.state == "rolled_back"
    assert numbers(scene)[0] == (3, "rollback to 1", True, False)
    assert not scene.sim.run(scene.sim.fleet.desired.reload())[1]  # type: ignore[union-attr]
    scene.edit(NEW.replace("count: 2", "count: 1"))
    scene.sim.settle()
    assert (scene.status().spec.state, scene.status().spec.revision) == ("in_force", 4)
    assert scene.worker("a-1").outdated == ()
    assert scene.group("a").workers == 1


def test_back_to_what_the_file_says_is_no_rollback(scene: Scene) -> None:
    scene.edit(NEW)
    scene.sim.settle()
    scene.ask(scene.facade.rollback(1))
    scene.ask(scene.facade.rollback(2))
    assert scene.status().spec.state == "in_force"
    assert numbers(scene)[0] == (4, "rollback to 2", True, True)
    again = scene.ask(scene.facade.rollback(2))
    assert (again.outcome, again.revision) == ("no_change", 4)


@pytest.mark.parametrize("number", [None, 7])
def test_what_there_is_not_cannot_be_gone_back_to(scene: Scene, number: int | None) -> None:
    with pytest.raises(Denied) as refused:
        scene.ask(scene.facade.rollback(number))
    assert refused.value.reason == "unknown_revision"


def fail_the_change(scene: Scene) -> None:
    """The new command ends at once, whenever it is started."""
    fleet = scene.sim.fleet
    assert fleet is not None
    for _ in range(60):
        for worker, live in list(fleet.runs.live.items()):
            if live.alive and scene.worker(worker).revision == 2:
                scene.sim.do(lambda pid=live.proc.pid: scene.sim.processes.exit(pid, 1))  # type: ignore[misc]
        scene.sim.one_pass()
        scene.sim.advance(0.1)
        if scene.group("a").rolled_back is not None:
            return
    raise AssertionError(scene.sim.log.getvalue())


def test_a_change_that_fails_goes_back_by_itself(scene: Scene) -> None:
    before = scene.runs()
    scene.edit(NEW)
    fail_the_change(scene)
    scene.sim.settle()
    back = scene.group("a").rolled_back
    assert back is not None
    assert (back.revision, back.to) == (2, 1)
    assert scene.worker("a-1").outdated == scene.worker("a-2").outdated == ()
    assert sum(scene.runs()[name] == run for name, run in before.items()) == 1, (
        "one was not touched"
    )
    assert scene.status().spec.revision == 2
    assert scene.group("a").revision == 1
    scene.start()
    assert scene.group("a").rolled_back == back
    assert scene.worker("a-1").outdated == ()
    assert [event.reason for event in scene.events("rolled_back")] != []


def test_what_failed_is_tried_again_when_the_file_says_something_else(scene: Scene) -> None:
    scene.edit(NEW)
    fail_the_change(scene)
    scene.sim.settle()
    scene.edit(NEW.replace("count: 2", "count: 3"))
    scene.sim.settle()
    assert scene.group("a").rolled_back is not None, "the command is still the one that failed"
    assert scene.group("a").workers == 3
    scene.edit(NEW.replace("NEW: y", "NEW: z"))
    scene.sim.settle()
    assert scene.group("a").rolled_back is None
    assert scene.group("a").revision == 4
    assert scene.worker("a-1").revision == 4
