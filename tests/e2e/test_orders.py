"""What operators order, on a living fleet: it is done, it outlives the daemon, and it is told of."""

from __future__ import annotations

import json

from tests.e2e.fleet import Fleet, Json
from tests.e2e.programs import idle, ledger_task, open_gate


def ordered(fleet: Fleet, *args: str) -> Json:
    done = fleet.ctl(*args, "-o", "json", "--wait", "30s")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def test_a_stop_outlives_the_daemon_until_a_start(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2)})
    fleet.start()
    before = fleet.pids()
    assert ordered(fleet, "stop", "idle-2")["outcome"] == "stopped"
    fleet.kill9()
    fleet.start()
    assert fleet.worker("idle-1")["pid"] == before["idle-1"]
    assert (fleet.worker("idle-2")["state"], fleet.worker("idle-2")["pid"]) == ("stopped", None)
    shown = fleet.ctl("status").stdout
    assert "idle-2  stopped " in shown
    told = fleet.ctl("why", "idle-2").stdout
    assert "somebody ordered: stop idle-2" in told
    assert "until `tmaxctl start idle-2`" in told
    assert ordered(fleet, "start", "idle")["workers"] == ["idle-1", "idle-2"]
    assert fleet.worker("idle-2")["ready"]
    assert fleet.worker("idle-1")["pid"] == before["idle-1"], "who runs is left alone"


def test_a_restart_replaces_what_runs_also_while_it_is_paused(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 2)})
    fleet.start()
    before = fleet.pids()
    assert fleet.ctl("pause", "work").returncode == 0
    ordered(fleet, "restart", "work")
    after = fleet.pids()
    assert after.keys() == before.keys()
    assert not set(after.values()) & set(before.values()), "both are new when the wait is over"
    assert {w["restarts"] for w in fleet.workers().values()} == {1}
    fleet.submit("work", ["a"])
    assert fleet.group("work")["done"] == 0
    assert fleet.ctl("resume", "work").returncode == 0
    fleet.await_done("work", 1)


def test_scaling_holds_until_the_file_says_otherwise(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1)})
    fleet.start()
    ordered(fleet, "scale", "idle", "3")
    assert len(fleet.pids()) == 3
    assert "idle is scaled 1 → 3 by an order; the file says 1\n" in fleet.ctl("status").stdout
    fleet.write({"idle": idle(1, env={"COLOR": "red"})})
    fleet.settle()
    assert len(fleet.pids()) == 3, "its count is what it was"
    fleet.write({"idle": idle(2, env={"COLOR": "red"})})
    fleet.wait_for(lambda: len(fleet.pids()) == 2, "the file has spoken")
    assert fleet.settle()["groups"][0]["count"] == 2
    assert fleet.events("orders_overruled", targets=["idle"])


def test_a_drain_waits_for_the_task_and_a_wait_says_for_whom(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 1)})
    fleet.start()
    fleet.submit("work", ["hold"])
    fleet.wait_for(lambda: fleet.worker("work-1")["running"], "it is busy")
    late = fleet.ctl("drain", "work", "--wait", "100ms")
    assert late.returncode == 4
    assert "work is not stopped after 100ms; it goes on:\n  work-1: draining: " in late.stderr
    waits = fleet.ctl("wait", "work", "--for", "stopped", "--timeout", "100ms", "-o", "json")
    assert (waits.returncode, json.loads(waits.stdout)["count"]) == (4, 1)
    open_gate(fleet.folder)
    assert fleet.ctl("wait", "work", "--for", "stopped", "--timeout", "30s").returncode == 0
    assert fleet.group("work")["done"] == 1
