"""A change that fails on a living fleet, and a worker in quarantine: what the commands say, and how they end."""

from __future__ import annotations

import json

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle


def test_a_change_that_fails(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1), "other": idle(1)})
    fleet.start()
    bad = {"run": ["sh", "-c", "exit 9"]}
    fleet.wait_for(
        lambda: fleet.ctl("events", "--event", "approved", "-o", "json").stdout.count("idle") > 0,
        "there is something to go back to",
    )
    fleet.write({"idle": idle(1) | bad, "other": idle(1)})
    done = fleet.ctl("reload", "--wait", "30s")
    assert (done.returncode, done.stderr) == (1, "")
    head, why = done.stdout.splitlines()
    assert head == "revision 2 is in force but in part; converged"
    assert why.startswith("idle was rolled back: revision 2 failed (idle-1 ended with status 9 ")
    assert why.endswith("; revision 1 holds for it until the file says something else")
    waited = fleet.ctl("wait", "--for", "settled", "--timeout", "30s")
    assert (waited.returncode, waited.stdout) == (1, "")
    assert "idle was rolled back: revision 2 failed" in waited.stderr
    assert fleet.ctl("wait", "other", "--for", "settled", "--timeout", "30s").returncode == 0
    assert fleet.ctl("restart", "idle", "--wait", "30s").returncode == 0
    assert "in force, but idle went back" in fleet.ctl("history").stdout
    planned = fleet.ctl("plan").stdout.splitlines()
    assert planned[0] == "nothing to do"
    assert planned[-1].startswith("idle was rolled back: ")
    up = fleet.ctl("up", "-o", "json")
    assert (up.returncode, json.loads(up.stdout)["outcome"]) == (1, "change_failed")
    found = {c["type"]: c for c in fleet.status()["conditions"]}
    assert found["SpecInForce"]["reason"] == "change_failed"
    fleet.write({"idle": idle(1), "other": idle(1)})
    assert fleet.ctl("reload", "--wait", "30s").returncode == 0


def test_nobody_waits_for_a_quarantine(fleet: Fleet) -> None:
    restart = {
        "backoff": {"first": "0s"},
        "limit": {"crashes": 2, "within": "1h", "then": "retry", "every": "1h"},
    }
    fleet.write({"bad": {"run": ["false"], "restart": restart}, "idle": idle(1)})
    fleet.start(settled=False)
    done = fleet.ctl("up", "--wait", "1h", "-o", "json")
    assert done.returncode == 1
    answer = json.loads(done.stdout)
    assert (answer["outcome"], answer["converged"]) == ("failed", False)
    assert [(m["worker"], m["state"]) for m in answer["failed"]] == [("bad-1", "quarantined")]
    assert "   not converged: 1 quarantined   " in fleet.ctl("status").stdout
