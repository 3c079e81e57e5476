"""What operators ask, through the whole daemon: it is done, it lasts, and the file can overrule it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.facade_scene import TWO, Scene
from tmaxd.daemon.api.facade import Denied


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.sim.close()


def test_a_stopped_worker_stays_stopped_over_a_restart_of_the_daemon(scene: Scene) -> None:
    before = scene.runs()
    ordered = scene.order("stop", "a-1")
    assert (ordered.groups, ordered.workers) == ((), ("a-1",))
    scene.sim.settle()
    assert scene.states() == {"a-1": "stopped", "a-2": "running", "b-1": "idle"}
    assert scene.worker("a-1").orders == ("stop",)
    scene.start()
    assert scene.states() == {"a-1": "stopped", "a-2": "running", "b-1": "idle"}
    assert scene.runs()["a-2"] == before["a-2"]
    scene.order("start", "a-1")
    scene.sim.settle()
    assert scene.states()["a-1"] == "running"
    assert scene.worker("a-1").orders == ()


def test_a_stopped_group_and_one_worker_of_it_that_runs(scene: Scene) -> None:
    scene.order("stop", "a")
    scene.order("start", "a-2")
    scene.sim.settle()
    assert scene.states() == {"a-1": "stopped", "a-2": "running", "b-1": "idle"}
    scene.order("start", all=True)
    scene.sim.settle()
    assert set(scene.states().values()) == {"running", "idle"}


def test_a_restart_replaces_the_runs_that_live_and_no_others(scene: Scene) -> None:
    before = scene.runs()
    scene.order("restart", "a")
    scene.sim.settle()
    after = scene.runs()
    assert before["a-1"] != after["a-1"]
    assert before["a-2"] != after["a-2"]
    assert before["b-1"] == after["b-1"]
    assert scene.worker("a-1").orders == ()
    scene.start()
    assert scene.runs() == after


def test_two_contradictory_orders_at_once_the_later_wins(scene: Scene) -> None:
    before = scene.runs()
    scene.order("stop", "a-1")
    scene.order("start", "a-1")
    scene.sim.settle()
    assert scene.states()["a-1"] == "running"
    scene.order("start", "a-1")
    scene.order("stop", "a-1")
    scene.sim.settle()
    assert scene.states()["a-1"] == "stopped"
    assert scene.runs()["a-2"] == before["a-2"]


def test_a_paused_worker_gets_no_tasks_until_it_is_resumed(scene: Scene) -> None:
    scene.order("pause", "b")
    scene.sim.settle()
    assert scene.worker("b-1").state == "draining"
    assert scene.worker("b-1").orders == ("pause",)
    scene.sim.submit("b", 3)
    for _ in range(5):
        scene.sim.one_pass()
        scene.sim.do(scene.sim.workers.read)
    assert scene.group("b").queued == 3
    scene.order("resume", "b-1")
    scene.sim.settle()
    assert scene.group("b").done == 3


def test_a_group_is_scaled_until_the_file_says_another_count(scene: Scene) -> None:
    scene.order("scale", "a", count=4)
    scene.sim.settle()
    assert [w for w in scene.states() if w.startswith("a-")] == ["a-1", "a-2", "a-3", "a-4"]
    assert (scene.group("a").count, scene.group("a").in_file) == (4, 2)
    scene.start()
    assert scene.group("a").workers == 4
    scene.edit(TWO.replace("run: [a]", "run: [a], env: {X: y}"))
    scene.sim.settle()
    assert scene.group("a").workers == 4
    scene.edit(TWO.replace("count: 2", "count: 3"))
    scene.sim.settle()
    assert (scene.group("a").workers, scene.group("a").in_file) == (3, 3)
    assert scene.events("orders_overruled")


def test_a_pinned_worker_is_not_replaced_for_a_change(scene: Scene) -> None:
    before = scene.runs()
    scene.order("pin", "a-1")
    scene.edit(TWO.replace("run: [a]", "run: [a], env: {X: y}"))
    for _ in range(30):
        scene.sim.one_pass()
        scene.sim.advance(1.0)
    assert scene.runs()["a-1"] == before["a-1"]
    assert scene.runs()["a-2"] != before["a-2"]
    pinned = scene.worker("a-1")
    assert (pinned.pending, pinned.outdated) == ("spec_changed", ("env",))
    assert scene.group("a").outdated == 1
    scene.order("unpin", "a-1")
    scene.sim.settle()
    assert scene.runs()["a-1"] != before["a-1"]


@pytest.mark.parametrize(
    ("do", "targets", "more", "reason", "message"),
    [
        ("stop", ("c",), {}, "unknown_target", "no group or worker c; groups: a, b"),
        ("stop", ("a-3",), {}, "unknown_target", "no group or worker a-3, did you mean a-2?"),
        ("stop", (), {}, "bad_order", "name groups or workers in `targets`, or say `all`"),
        ("stop", ("a",), {"all": True}, "bad_order", "name groups or workers"),
        ("pin", ("a",), {"now": True}, "bad_order", "`now` goes with `stop` and `restart`"),
        ("scale", ("a",), {}, "bad_order", "`count` goes with `scale`"),
        ("stop", ("a",), {"count": 1}, "bad_order", "`count` goes with `scale`"),
        ("scale", ("a-1",), {"count": 1}, "bad_order", "a-1 is a worker; groups are scaled"),
    ],
)
def test_what_makes_no_sense_is_refused(
    scene: Scene,
    do: str,
    targets: tuple[str, ...],
    more: dict[str, object],
    reason: str,
    message: str,
) -> None:
    with pytest.raises(Denied) as refused:
        scene.order(do, *targets, **more)
    assert refused.value.reason == reason
    assert message in refused.value.message


def test_an_order_that_the_disk_refuses_is_not_obeyed(scene: Scene) -> None:
    scene.sim.journal.fail("disk full")
    with pytest.raises(Denied) as refused:
        scene.order("stop", "a")
    assert refused.value.reason == "journal"
    scene.sim.journal.heal()
    scene.sim.settle()
    assert scene.states()["a-1"] == "running"


def test_each_order_is_an_event(scene: Scene) -> None:
    scene.order("stop", "a-1", "b", now=True)
    (event,) = scene.events("ordered")
    assert event.fields == {"order": "stop", "targets": ["a-1", "b"], "now": True}


JOB = "{version: 1, fleet: sim, workers: {a: {count: 2, run: [a], restart: {policy: never}}}}"


@pytest.mark.parametrize("do", ["start", "restart"])
@pytest.mark.parametrize("again", [False, True])
def test_what_is_finished_is_started_again_when_somebody_says_so(do: str, again: bool) -> None:
    """Once; also by a daemon that knows of its end only from the pane that it left."""
    scene = Scene(JOB)
    try:
        fleet = scene.sim.fleet
        assert fleet is not None
        pid = fleet.runs.live["a-1"].proc.pid
        scene.sim.do(lambda: scene.sim.processes.exit(pid, 0))
        scene.sim.settle()
        assert scene.states() == {"a-1": "finished", "a-2": "running"}
        before = scene.runs()["a-2"]
        if again:
            scene.start()
        scene.order(do, "a-1")
        scene.sim.settle()
        assert scene.states() == {"a-1": "running", "a-2": "running"}
        assert scene.worker("a-1").orders == ()
        pid = scene.sim.fleet.runs.live["a-1"].proc.pid  # type: ignore[union-attr]
        scene.sim.do(lambda: scene.sim.processes.exit(pid, 0))
        scene.sim.settle()
        assert scene.states() == {"a-1": "finished", "a-2": "running"}
        assert scene.runs()["a-2"] == before
    finally:
        scene.sim.close()


def pass_by(scene: Scene, times: int = 12) -> None:
    """Workers work and the daemon runs, whatever is left to do."""
    for _ in range(times):
        scene.sim.do(scene.sim.workers.read)
        scene.sim.do(scene.sim.workers.finish)
        scene.sim.one_pass()
        scene.sim.advance(1.0)


@pytest.mark.parametrize("how", ["restart", "kill", "daemon"])
def test_a_new_run_of_a_paused_worker_gets_no_task_either(scene: Scene, how: str) -> None:
    scene.order("pause", "b")
    scene.sim.settle()
    scene.sim.submit("b", 2)
    before = scene.worker("b-1").run
    if how == "restart":
        scene.order("restart", "b")
    elif how == "kill":
        assert scene.sim.fleet is not None
        pid = scene.sim.fleet.runs.live["b-1"].proc.pid
        scene.sim.do(lambda: scene.sim.processes.exit(pid, None, 9))
    else:
        scene.start(settle=False)
    pass_by(scene)
    assert (scene.worker("b-1").run == before) is (how == "daemon")
    assert (scene.group("b").queued, scene.group("b").done) == (2, 0)
    assert scene.worker("b-1").orders == ("pause",)
    scene.order("resume", "b")
    scene.sim.settle()
    assert scene.group("b").done == 2
