"""What is cleaned up where somebody asks, and what status says of schedules."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.cleanface import SENSIBLE, asked_for
from tmaxd.daemon.cleaning.setup import set_up
from tmaxd.places import Places
from tmaxd.spec.units import Duration
from tmaxd.spec.upkeep import Cleanup
from tmaxd.world.oldlogs import LogFolder

SPEC = """
{version: 1, fleet: sim, workers: {a: {count: 2, task: [a]}},
 cleanup: [{what: tasks, ttl: 1h, every: 10m}, {what: events, ttl: 1d, cron: "0 4 * * *", zone: UTC}]}
"""
TASKS = Cleanup(what="tasks", ttl=Duration(60), every=Duration(60), groups=("a",))
OTHERS = Cleanup(what="tasks", ttl=Duration(90), every=Duration(60), groups=("b",))
LOGS = Cleanup(what="logs", ttl=Duration(60), every=Duration(60))


def wish(**said: Any) -> t.CleanupWish:
    return t.CleanupWish(**said)


def test_without_words_all_of_the_file() -> None:
    assert asked_for(wish(), (TASKS, LOGS)) == [TASKS, LOGS]


def test_a_kind_as_the_file_says_or_as_is_sensible() -> None:
    assert asked_for(wish(what=("tasks",)), (TASKS, LOGS, OTHERS)) == [TASKS, OTHERS]
    assert asked_for(wish(what=("dead", "logs", "dead")), (TASKS, LOGS)) == [SENSIBLE["dead"], LOGS]


def test_another_age() -> None:
    found = asked_for(wish(what=("tasks",), ttl=5.0), (TASKS,))
    assert found == [replace(TASKS, ttl=Duration(5))]
    assert asked_for(wish(what=("dead",), ttl=0.0), ())[0].ttl == 0.0


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({}, "the spec has no `cleanup`, so it has to be said what"),
        ({"what": ("files",)}, "the spec has no entry `files`"),
        ({"what": ("orphans",), "ttl": 5.0}, "`ttl` means nothing to orphans"),
    ],
)
def test_what_cannot_be_done(said: dict[str, Any], message: str) -> None:
    with pytest.raises(Denied, match=message) as caught:
        asked_for(wish(**said), ())
    assert caught.value.reason == "bad_cleanup"


def test_an_age_for_all_is_refused() -> None:
    with pytest.raises(Denied, match="`ttl` is for what is named"):
        asked_for(wish(ttl=5.0), (TASKS,))


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    scene = Scene(SPEC)
    begin(scene, tmp_path)
    yield scene
    scene.sim.close()


def begin(scene: Scene, tmp_path: Path) -> None:
    """As `front` does it, with what is real replaced."""
    fleet = scene.sim.fleet
    assert fleet is not None
    (tmp_path / "logs").mkdir(exist_ok=True)
    here = Places(runtime=tmp_path, state=tmp_path)
    logs = LogFolder(here.logs, here.daemon_log)

    async def build() -> None:
        scene.facade.cleaning = set_up(
            fleet, scene.sim.files, logs, lambda _: True, {}, scene.sim.journal.disk.notes.kept
        )

    scene.ask(build())


def planned(scene: Scene) -> dict[str, t.CleanupStatus]:
    return {one.name: one for one in scene.status().cleanups}


def advance(scene: Scene, seconds: float) -> None:
    cleaning = scene.facade.cleaning
    assert cleaning is not None
    while seconds > 0:
        scene.sim.clock.advance(30)
        seconds -= 30
        scene.ask(cleaning.tend())


def test_the_schedules_of_the_spec(scene: Scene, tmp_path: Path) -> None:
    found = planned(scene)
    wall = scene.sim.clock.wall()
    assert set(found) == {"tasks", "events", "orphans"}
    assert [one.built_in for one in found.values()] == [False, False, True]
    assert found["tasks"].next == pytest.approx(wall + 600)
    assert found["events"].next == pytest.approx(wall + 4 * 3600)
    assert found["tasks"].last is None


def test_a_scheduled_run_and_what_status_says_of_it(scene: Scene, tmp_path: Path) -> None:
    scene.edit(SPEC.replace("[a]}}", "[a]}}, flags: {orphan_cleanup: false}"))
    scene.sim.submit("a", 5)
    scene.sim.settle()
    advance(scene, 3570)
    assert scene.group("a").done == 5
    for _ in range(25):
        if not scene.events("cleaned"):
            advance(scene, 30)
    last = planned(scene)["tasks"]
    assert (last.count, last.dry, last.problem) == (5, False, "")
    assert scene.group("a").done == 0
    events = scene.events("cleaned")
    assert [(e.fields["what"], e.fields["count"]) for e in events] == [("tasks", 5)]
    assert planned(scene)["orphans"].next is None


def test_the_flag_stops_the_schedules(scene: Scene) -> None:
    scene.edit(SPEC.replace("[a]}}", "[a]}}, flags: {ttl_cleanup: false, orphan_cleanup: false}"))
    scene.sim.submit("a", 5)
    scene.sim.settle()
    advance(scene, 3 * 3600)
    assert scene.group("a").done == 5
    assert {one.next for one in planned(scene).values()} == {None}
    ran = scene.ask(scene.facade.cleanup(wish(what=("tasks",))))
    assert ran.runs[0].count == 5
    scene.edit(SPEC.replace("[a]}}", "[a]}}, flags: {orphan_cleanup: false}"))
    assert planned(scene)["tasks"].next is not None


def test_asked_for(scene: Scene) -> None:
    scene.sim.submit("a", 3)
    scene.sim.settle()
    scene.sim.clock.advance(1)
    dry = scene.ask(scene.facade.cleanup(wish(what=("tasks",), dry=True, ttl=0.0)))
    assert [(r.name, r.dry, r.unapplied, r.count) for r in dry.runs] == [("tasks", True, False, 3)]
    done = scene.ask(scene.facade.cleanup(wish(what=("tasks", "events"), ttl=0.0)))
    assert [(r.name, r.dry) for r in done.runs] == [("tasks", False), ("events", False)]
    assert done.runs[0].count == 3
    assert done.runs[1].count > 0
    assert done.runs[0].items[0].note == "a"


def test_before_it_can(scene: Scene) -> None:
    scene.facade.cleaning = None
    with pytest.raises(Denied, match="has just begun"):
        scene.ask(scene.facade.cleanup(wish()))
    assert scene.status().cleanups == ()
