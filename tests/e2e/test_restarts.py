"""Workers that end by themselves, die in crowds, or are asked to go by the keyboard: on real tmux, with real kills."""

from __future__ import annotations

import os
import signal

from tests.e2e.fleet import Fleet, Json
from tests.e2e.marks import alive
from tests.e2e.programs import idle

ONCE = "printf 'ran\\n' >> ledger; printf 'the last words\\n'; exit $(cat status)"
"""A job that notes that it ran and ends as the file says."""

MANY = 100


def job(fleet: Fleet, **more: object) -> Json:
    return {"count": 1, "run": ["sh", "-c", ONCE], "cwd": str(fleet.folder), **more}


def ran(fleet: Fleet) -> int:
    ledger = fleet.folder / "ledger"
    return len(ledger.read_text().splitlines()) if ledger.exists() else 0


def test_a_job_that_has_finished_is_not_done_again_by_the_next_daemon_either(fleet: Fleet) -> None:
    (fleet.folder / "status").write_text("0")
    fleet.write({"job": job(fleet, restart={"policy": "on_failure"})})
    fleet.start()
    fleet.wait_for(lambda: fleet.events("resting", worker="job-1", reason="finished"), "it rests")
    fleet.settle()
    assert ran(fleet) == 1
    log = fleet.places.logs / "job-1.log"
    fleet.wait_for(lambda: "the last words" in log.read_text(), "its last words are kept")
    fleet.kill9()
    fleet.start()
    assert ran(fleet) == 1
    fleet.write({"job": job(fleet, restart={"policy": "on_failure"}, env={"ANOTHER": "one"})})
    fleet.wait_for(lambda: ran(fleet) == 2, "another spec is another job")


def test_a_worker_that_flaps_is_quarantined_and_one_that_must_not_is_left_alone(
    fleet: Fleet,
) -> None:
    (fleet.folder / "status").write_text("3")
    limit = {"crashes": 2, "within": "1m", "then": "retry", "every": "1s"}
    fleet.write(
        {
            "job": job(fleet, restart={"limit": limit, "backoff": {"reset_after": "300ms"}}),
            "bad": job(fleet, run=["sh", "-c", "exit 78"], restart={"permanent": [78]}),
        }
    )
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.events("quarantined", worker="job-1"), "it is quarantined")
    fleet.wait_for(lambda: fleet.events("resting", worker="bad-1", reason="failed"), "it rests")
    fleet.wait_for(lambda: ran(fleet) >= 3, "it is tried again")
    assert len(fleet.events("quarantined")) == 1
    assert len(fleet.events("ended", worker="bad-1")) == 1
    fleet.write(
        {
            "job": job(
                fleet,
                run=["sleep", "1000000"],
                restart={"limit": limit, "backoff": {"reset_after": "300ms"}},
            )
        }
    )
    fleet.settle()
    assert fleet.worker("job-1")["state"] == "running"


def test_who_has_given_up_stays_so_under_the_next_daemon_until_somebody_asks(fleet: Fleet) -> None:
    (fleet.folder / "status").write_text("3")
    limit = {"crashes": 2, "within": "1m", "then": "stop"}
    fleet.write({"job": job(fleet, restart={"limit": limit, "backoff": {"first": "0s"}})})
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.events("resting", worker="job-1"), "it rests")
    assert ran(fleet) == 2
    fleet.kill9()
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.worker("job-1")["state"] == "failed", "it is known to have failed")
    assert fleet.worker("job-1")["reason"] == "crash_limit"
    assert ran(fleet) == 2
    assert fleet.ctl("start", "job-1", "--wait", "0s").returncode == 0
    fleet.wait_for(lambda: ran(fleet) > 2, "somebody wants it to run")
    assert fleet.events("started", worker="job-1", reason="operator_start")


def test_a_hundred_workers_killed_at_once_are_one_event_and_nobody_s_crash(fleet: Fleet) -> None:
    fleet.write({"w": {**idle(MANY), "restart": {"limit": {"crashes": 1, "then": "stop"}}}})
    fleet.start()
    before = fleet.pids()
    assert len(before) == MANY
    for pid in before.values():
        os.kill(pid, signal.SIGKILL)
    fleet.wait_for(
        lambda: (
            all(w["state"] == "running" for w in fleet.workers().values())
            and not set(fleet.pids().values()) & set(before.values())
        ),
        "all run again",
    )
    fleet.settle()
    assert len(fleet.events("mass_death")) == 1
    (event,) = fleet.wait_for(lambda: fleet.events("revived"), "the revival is over")
    assert (event["died"], event["up"]) == (MANY, MANY)
    # Of the first that were seen dead nobody could know that others would follow.
    assert all(e["reason"] == "crashed" for e in fleet.events("ended"))
    assert len(fleet.events("ended")) < MANY / 2
    assert not fleet.events("resting")
    assert not [pid for pid in before.values() if alive(pid)]


def test_the_keyboard_comes_before_the_signal(fleet: Fleet) -> None:
    program = (
        "trap '' TERM HUP INT; echo ready; while read -r word; do [ $word = bye ] && exit 7; done"
    )
    shell = {
        "count": 1,
        "run": ["sh", "-c", program],
        "stop": {"keys": ["bye", "Enter"], "after": "20s"},
    }
    fleet.write({"shell": shell, "w": idle(1)})
    fleet.start()
    log = fleet.places.logs / "shell-1.log"
    fleet.wait_for(lambda: log.exists() and "ready" in log.read_text(), "it reads what is typed")
    fleet.write({"w": idle(1)})
    fleet.settle()
    assert fleet.events("keys", worker="shell-1", reason="group_removed")
    assert not fleet.events("signal", worker="shell-1", signal="TERM")
    (end,) = fleet.events("ended", worker="shell-1")
    assert (end["reason"], end["status"]) == ("group_removed", 7)
