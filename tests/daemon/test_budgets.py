"""A daemon's end gives nobody a fresh start: what workers have spent of their restarts outlives it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import Scene
from tmaxd.daemon.budgets import PREFIX, Budgets
from tmaxd.daemon.kept import Unreadable
from tmaxd.plan.history import LastExit, Slot
from tmaxd.ports import WorldError
from tmaxd.tasks.records import Kept
from tmaxd.testing.clock import FakeClock

SPEC = """\
version: 1
fleet: sim
workers:
  bad: {run: [bad], cwd: /sim, restart: {limit: {crashes: 2, within: 1h, then: stop}}}
  ill: {run: [ill], cwd: /sim, restart: {limit: {crashes: 2, within: 1h, then: retry, every: 10m}}}
  web: {run: [web], cwd: /sim, after: {bad: ready}}
"""

EVERY = 600.0


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene(SPEC)
    yield made
    made.sim.close()


def crash(scene: Scene, worker: str) -> None:
    """And time for the daemon to do about it what there is to do."""
    sim = scene.sim
    pid = sim.tmux.session(worker).pid
    sim.do(lambda: sim.processes.exit(pid, status=3))
    spend(scene, 2)


def spend(scene: Scene, seconds: float) -> None:
    for _ in range(int(seconds * 2)):
        scene.sim.one_pass()
        scene.sim.advance(0.5)
    scene.sim.one_pass()


def test_who_has_given_up_stays_down_and_says_so(scene: Scene) -> None:
    crash(scene, "bad-1")
    crash(scene, "bad-1")
    assert scene.worker("bad-1").reason == "crash_limit"
    scene.sim.clock.advance(86_400)
    scene.start(settle=False)
    spend(scene, 2)
    bad = scene.worker("bad-1")
    assert (bad.state, bad.reason, bad.last_exit) == (
        "failed",
        "crash_limit",
        "crashed: exit status 3",
    )
    # Not even the end of its session, nor that of the whole machine, is a new start.
    scene.sim.do(scene.sim.tmux.kill_server)
    scene.sim.processes.reboot()
    scene.start(settle=False)
    spend(scene, 2)
    assert scene.worker("bad-1").state == "failed"
    scene.order("start", "bad-1")
    spend(scene, 1)
    assert scene.worker("bad-1").state == "running"
    assert "started worker=bad-1 reason=operator_start" in scene.sim.log.getvalue()
    scene.start()
    assert scene.worker("bad-1").crashes == 0, "what was forgiven is forgotten on disk, too"


def test_an_edit_brings_it_on_also_one_that_came_while_no_daemon_lived(scene: Scene) -> None:
    crash(scene, "bad-1")
    crash(scene, "bad-1")
    scene.sim.edit(SPEC.replace("[bad]", "[good]"))
    scene.start()
    assert scene.worker("bad-1").state == "running"


@pytest.mark.parametrize("clock", [0.0, -86_400.0, 86_400.0])
def test_a_quarantine_keeps_its_pace_whatever_is_done_to_the_clock(
    scene: Scene, clock: float
) -> None:
    """A clock that was set forward may end it early; one that was set back makes it no longer."""
    crash(scene, "ill-1")
    crash(scene, "ill-1")
    due = scene.worker("ill-1").next_start
    assert scene.worker("ill-1").state == "quarantined"
    assert due is not None
    assert due - scene.sim.clock.wall() == pytest.approx(EVERY, abs=5)
    scene.sim.clock.advance(100)
    scene.sim.clock.jump_wall(clock)
    scene.start(settle=False)
    spend(scene, 1)
    if clock > 0:
        assert scene.worker("ill-1").state == "running"
        return
    left = scene.worker("ill-1").next_start
    assert left is not None
    expected = EVERY - 100 if clock == 0 else EVERY
    assert left - scene.sim.clock.wall() == pytest.approx(expected, abs=6)
    spend(scene, expected - 20)
    assert scene.worker("ill-1").state == "quarantined"
    for _ in range(40):
        if scene.worker("ill-1").state != "quarantined":
            break
        spend(scene, 1)
    assert scene.worker("ill-1").state == "running"
    crash(scene, "ill-1")
    assert scene.worker("ill-1").state == "quarantined", "the one that it came with is not over"


def test_backoff_goes_on_where_it_was(scene: Scene) -> None:
    crash(scene, "ill-1")
    assert scene.worker("ill-1").state == "running"
    scene.start()
    assert scene.worker("ill-1").crashes == 1
    sim = scene.sim
    pid = sim.tmux.session("ill-1").pid
    sim.do(lambda: sim.processes.exit(pid, status=3))
    sim.one_pass()
    assert scene.worker("ill-1").crashes == 2


def test_what_waits_for_one_that_has_failed_says_what_brings_it_on(scene: Scene) -> None:
    scene.order("stop", "web-1")
    spend(scene, 15)
    crash(scene, "bad-1")
    crash(scene, "bad-1")
    scene.order("start", "web-1")
    spend(scene, 1)
    web = scene.worker("web-1")
    assert (web.state, web.waits) == ("waiting", "bad: ready")
    assert web.message == (
        "waits for bad: ready; bad has failed, and does not come by itself: "
        "`tmaxctl start bad` or an edit of it brings it on"
    )
    scene.order("start", "bad")
    spend(scene, 2)
    assert scene.worker("web-1").state == "running"


# --------------------------------------------------------------------------------- what is kept


class Disk:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.rows: dict[str, str] = {}
        self.writes = 0

    def write(self, record: Kept) -> None:
        self.writes += 1
        if record.text is None:
            del self.rows[record.name]
        else:
            self.rows[record.name] = record.text

    def budgets(self) -> Budgets:
        return Budgets(self.rows, self.write, self.clock)


def crashed(at: float, crashes: int = 1) -> Slot:
    return Slot(
        crashes=crashes,
        crashed_at=(at,),
        last_exit=LastExit(reason="crashed", status=1, at=at),
        next_start=at + 1.0,
    )


def test_a_crash_is_one_write_and_a_good_worker_none() -> None:
    disk = Disk()
    budgets = disk.budgets()
    now = disk.clock.now()
    budgets.note({"g-1": Slot(restarts=1), "g_1": crashed(now)})
    assert disk.writes == 0
    budgets.note({"g-1": crashed(now)})
    assert set(disk.rows) == {PREFIX + "g-1"}
    started = Slot(crashes=1, crashed_at=(now,), last_exit=crashed(now).last_exit)
    budgets.note({"g-1": started})
    budgets.note({"g-1": started})
    assert disk.writes == 1
    budgets.note({"g-1": Slot(rest="operator_stop")})
    assert (disk.rows, disk.writes) == ({}, 2)
    budgets.note({})
    assert disk.writes == 2


def test_one_that_is_cleared_away_is_forgotten_by_the_next_daemon_too() -> None:
    disk = Disk()
    disk.budgets().note({"g-1": crashed(disk.clock.now())})
    later = disk.budgets()
    assert later.slots["g-1"].crashes == 1
    later.note(later.slots)
    assert disk.writes == 1, "what is on disk is not written again"
    later.note({})
    assert disk.rows == {}


def test_times_are_those_of_the_next_daemon() -> None:
    disk = Disk()
    at = disk.clock.now()
    disk.budgets().note({"g-1": crashed(at)})
    disk.clock.advance(0.25)
    slot = disk.budgets().slots["g-1"]
    assert slot.crashed_at == pytest.approx((at,))
    assert slot.next_start == pytest.approx(at + 1.0)
    assert slot.last_exit is not None
    assert slot.last_exit.at == pytest.approx(at)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"slot": {"crashes": "many"}}', '{"slot": 1}'])
def test_what_cannot_be_read_stops_the_daemon(text: str) -> None:
    disk = Disk()
    disk.rows[PREFIX + "g-1"] = text
    with pytest.raises(Unreadable, match=r"what g-1 has spent of its restarts \(row 'spent/g-1'"):
        disk.budgets()


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("intent/group/bad", "what was ordered of bad"),
        ("good/bad", "which definition of bad was good"),
        ("spent/bad-1", "what bad-1 has spent"),
        ("group_revisions", "what revisions brought"),
    ],
)
def test_a_daemon_that_cannot_read_its_journal_says_where_and_what_to_do(
    scene: Scene, name: str, about: str
) -> None:
    sim = scene.sim

    async def write() -> None:
        await sim.journal.write([Kept(name, '{"of": "tomorrow"')])

    sim.run(write())
    with pytest.raises(WorldError) as caught:
        scene.start()
    text = str(caught.value)
    assert text.startswith("/sim/state/state.db: ")
    assert about in text
    assert f"DELETE FROM kept WHERE name = '{name}'" in text
