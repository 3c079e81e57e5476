"""What operators set of the feature flags: over the file, for a time, over the death of a daemon; and who is told."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.ports import WorldError
from tmaxd.spec.flags import FLAGS
from tmaxd.tasks.records import Kept

BARE = "{version: 1, fleet: sim, workers: {a: {count: 1, run: [a], pool: 1}}FLAGS}"


def spec(**flags: bool) -> str:
    said = ", ".join(f"{name}: {str(value).lower()}" for name, value in flags.items())
    return BARE.replace("FLAGS", f", flags: {{{said}}}" if said else "")


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(spec())
    yield made
    made.sim.close()


def set_flag(
    scene: Scene, flag: str, value: bool | None, for_: float | None = None
) -> t.FlagChanged:
    return scene.ask(scene.facade.set_flag(t.FlagChange(flag=flag, value=value, for_=for_)))


def flag(scene: Scene, name: str = "session_pool") -> t.FlagStatus:
    return next(f for f in scene.facade.flags().flags if f.name == name)


def wall(scene: Scene) -> float:
    return scene.sim.clock.wall()


def pool_size(scene: Scene) -> int:
    """As the planner wants it: what acts, and not what is shown."""
    fleet = scene.sim.fleet
    assert fleet is not None
    return fleet.desired.wanted.groups["a"].spares


def test_all_flags_are_shown_as_they_are(scene: Scene) -> None:
    began = wall(scene)
    found = {f.name: f for f in scene.facade.flags().flags}
    assert list(found) == list(FLAGS)
    for name, one in found.items():
        assert (one.value, one.default, one.file) == (FLAGS[name].default,) * 2 + (None,)
        assert (one.owner, one.about, one.off) == msgspec.structs.astuple(FLAGS[name])[1:]
        assert one.override is None
        assert one.since is not None
        assert one.since <= began


def test_the_file_says_it_and_since_when(scene: Scene) -> None:
    before = flag(scene).since
    scene.sim.advance(60.0)
    scene.edit(spec(session_pool=False))
    one = flag(scene)
    assert (one.value, one.file, one.since) == (False, False, wall(scene))
    assert flag(scene, "batching").since == before, "the others are as they were"
    scene.sim.advance(60.0)
    scene.start()
    assert flag(scene).since == one.since


def test_an_order_goes_over_the_file_for_its_time(scene: Scene) -> None:
    scene.edit(spec(session_pool=True))
    at = wall(scene)
    changed = set_flag(scene, "session_pool", False, 600.0)
    assert changed.outcome == "set"
    order = t.FlagOverride(
        flag="session_pool", value=False, file=True, instead=True, at=at, until=at + 600.0
    )
    assert changed.flag.override == order
    assert (changed.flag.value, changed.flag.file, changed.flag.since) == (False, True, at)
    assert scene.status().flags == (order,)
    assert pool_size(scene) == 0
    scene.sim.advance(599.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 0
    scene.sim.advance(1.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 1
    assert (flag(scene).value, flag(scene).override) == (True, None)
    assert scene.status().flags == ()


def test_the_loop_wakes_up_for_the_end(scene: Scene) -> None:
    """To the moment, and not when it looks again anyway."""
    set_flag(scene, "session_pool", False, 600.0)
    scene.sim.settle()
    fleet, now = scene.sim.fleet, scene.sim.clock.now
    assert fleet is not None
    end = fleet.desired.flags.next_end
    scene.sim.advance(end - now() - 0.4)
    assert scene.sim.run(fleet.one_pass()) == pytest.approx(end)


def test_an_order_outlives_the_daemon_and_no_longer_than_its_time(scene: Scene) -> None:
    set_flag(scene, "session_pool", False, 600.0)
    end = wall(scene) + 600.0
    scene.sim.advance(300.0)
    scene.start()
    assert pool_size(scene) == 0
    override = flag(scene).override
    assert override is not None
    assert override.until == pytest.approx(end)
    scene.sim.advance(400.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 1
    set_flag(scene, "session_pool", False, 600.0)
    scene.sim.crash()
    scene.sim.clock.advance(601.0)
    scene.start(settle=False)
    assert pool_size(scene) == 1, "it was over while no daemon was there"
    assert [e.fields["why"] for e in scene.events("flag_over")][-1] == "its time is over"
    scene.start()
    assert flag(scene).override is None


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_clock_that_is_set_changes_no_time(scene: Scene, jump: float) -> None:
    set_flag(scene, "session_pool", False, 600.0)
    scene.sim.clock.jump_wall(jump)
    scene.sim.advance(590.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 0
    override = flag(scene).override
    assert override is not None
    assert override.until == pytest.approx(wall(scene) + 10.0)
    scene.sim.advance(10.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 1


def test_a_clock_set_back_while_no_daemon_was_there(scene: Scene) -> None:
    """It holds no longer than it was meant to."""
    set_flag(scene, "session_pool", False, 600.0)
    scene.sim.crash()
    scene.sim.clock.jump_wall(-1e6)
    scene.start()
    scene.sim.advance(601.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 1


def test_while_it_has_an_end_the_file_waits(scene: Scene) -> None:
    set_flag(scene, "session_pool", True, 600.0)
    scene.edit(spec(session_pool=False))
    one = flag(scene)
    assert (one.value, one.file, pool_size(scene)) == (True, False, 1)
    assert one.override is not None
    assert one.override.instead is False
    scene.sim.advance(600.0)
    scene.sim.one_pass()
    assert (flag(scene).value, pool_size(scene)) == (False, 0)


def test_without_an_end_the_file_speaks_last(scene: Scene) -> None:
    changed = set_flag(scene, "session_pool", False)
    assert changed.flag.override is not None
    assert changed.flag.override.until is None
    scene.edit(spec(batching=False))
    scene.start()
    assert pool_size(scene) == 0, "the file has said nothing of this one"
    scene.edit(spec(batching=False, session_pool=True))
    assert (flag(scene).override, pool_size(scene)) == (None, 1)
    set_flag(scene, "session_pool", False)
    scene.sim.crash()
    scene.sim.edit(spec(session_pool=False))
    scene.start()
    assert flag(scene).override is None, "the file was edited while no daemon was there"
    assert pool_size(scene) == 0


def test_to_what_the_file_says_it_is_taken_back(scene: Scene) -> None:
    assert set_flag(scene, "session_pool", True).outcome == "no_change"
    set_flag(scene, "session_pool", False)
    changed = set_flag(scene, "session_pool", True)
    assert (changed.outcome, changed.flag.override, pool_size(scene)) == ("unset", None, 1)
    assert set_flag(scene, "session_pool", True, 60.0).outcome == "set", (
        "for a time it says something"
    )


def test_it_is_taken_back(scene: Scene) -> None:
    set_flag(scene, "session_pool", False, 600.0)
    assert set_flag(scene, "session_pool", None).outcome == "unset"
    assert pool_size(scene) == 1
    assert set_flag(scene, "session_pool", None).outcome == "no_change"
    scene.start()
    assert pool_size(scene) == 1


def test_the_later_order_wins(scene: Scene) -> None:
    set_flag(scene, "session_pool", False, 600.0)
    set_flag(scene, "session_pool", False)
    scene.sim.advance(601.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 0, "the second one has no end"
    set_flag(scene, "session_pool", False, 5.0)
    scene.sim.advance(6.0)
    scene.sim.one_pass()
    assert pool_size(scene) == 1


def test_events_tell_of_it(scene: Scene) -> None:
    set_flag(scene, "session_pool", False, 600.0)
    set_flag(scene, "session_pool", None)
    set_flag(scene, "batching", False)
    scene.edit(spec(batching=True))
    assert [e.fields for e in scene.events("flag_set")] == [
        {"flag": "session_pool", "value": "off", "lasts": 600.0},
        {"flag": "batching", "value": "off"},
    ]
    assert [e.fields for e in scene.events("flag_over")] == [
        {"flag": "session_pool", "value": "on", "why": "taken back"},
        {"flag": "batching", "value": "on", "why": "the file says otherwise now"},
    ]


@pytest.mark.parametrize(
    ("name", "value", "lasts", "reason"),
    [("session_pol", False, None, "unknown_flag"), ("session_pool", None, 5.0, "bad_flag")],
)
def test_what_cannot_be_set(
    scene: Scene, name: str, value: bool | None, lasts: float | None, reason: str
) -> None:
    with pytest.raises(Denied) as refused:
        set_flag(scene, name, value, lasts)
    assert refused.value.reason == reason
    assert reason != "unknown_flag" or "did you mean session_pool?" in refused.value.message


def test_nothing_is_set_that_cannot_be_kept(scene: Scene) -> None:
    scene.sim.journal.fail("the disk is full")
    with pytest.raises(Denied) as refused:
        set_flag(scene, "session_pool", False)
    assert refused.value.reason == "journal"
    assert pool_size(scene) == 1


def keep(scene: Scene, name: str, text: str) -> None:
    scene.sim.do(lambda: scene.sim.journal.write([Kept(name, text)]))


def test_what_another_version_has_set_is_left_alone(scene: Scene) -> None:
    keep(scene, "flag/of_later", '{"value":true,"at":1.0}')
    scene.start()
    assert [f.name for f in scene.facade.flags().flags] == list(FLAGS)
    assert "flag/of_later" in scene.sim.journal.disk.recover().kept


def test_what_cannot_be_read_is_never_taken_for_nothing(scene: Scene) -> None:
    keep(scene, "flag/session_pool", "{}")
    with pytest.raises(WorldError, match="what the flag session_pool was set to"):
        scene.start()


def test_a_rollback_to_a_revision_is_the_file_that_speaks(scene: Scene) -> None:
    scene.edit(spec(session_pool=False))
    scene.ask(scene.facade.rollback(1))
    assert (flag(scene).value, flag(scene).file) == (True, None)


def test_a_plan_knows_what_orders_hold_and_which_would_be_left(scene: Scene) -> None:
    set_flag(scene, "session_pool", False, 600.0)
    scene.sim.settle()
    scene.sim.edit(spec(session_pool=True))
    result = scene.ask(scene.facade.plan())
    assert (result.outcome, result.actions) == ("no_change", ()), "the order holds on"
    set_flag(scene, "session_pool", False)
    assert scene.ask(scene.facade.plan()).outcome == "changes", "it would be over"


# ------------------------------------------------------------------------------ what was good


def test_a_layout_that_a_flag_decides_goes_back_where_it_fails(scene: Scene) -> None:
    """The definition that has failed is that with the flag; without the flag it is another one."""
    scene.edit("{version: 1, fleet: sim, workers: {a: {count: 1, serve: [a]}}}")
    scene.sim.settle()
    set_flag(scene, "dedicated_pipes", False)
    fleet = scene.sim.fleet
    assert fleet is not None
    for _ in range(60):
        for live in list(fleet.runs.live.values()):
            if live.alive and live.shared:
                scene.sim.do(lambda pid=live.proc.pid: scene.sim.processes.exit(pid, 1))  # type: ignore[misc]
        scene.sim.one_pass()
        scene.sim.advance(0.1)
    assert scene.group("a").rolled_back is not None
    set_flag(scene, "dedicated_pipes", None)
    assert scene.group("a").rolled_back is None
    scene.sim.settle()
    assert scene.worker("a-1").outdated == ()
