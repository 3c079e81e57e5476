"""Finished tasks go with all that belongs to them, and nothing else; with the real daemon, journal and files."""

from __future__ import annotations

import json
import os
import time

from tests.e2e.fleet import Fleet

LONG = 9000
"""Characters of a result that fits no frame: it is written to a file."""


def test_what_is_over_goes_and_the_rest_goes_on(fleet: Fleet) -> None:
    script = f'[[ $1 == bad ]] && exit 1; printf "%{LONG}s" "$1" | tr " " x >"$TMAX_RESULT"'
    say = ["bash", "-c", script, "-", "{payload}"]
    hold = {"task": ["sleep", "1000"], "count": 1}
    fleet.write(
        {"say": {"task": say, "count": 2}, "hold": hold},
        cleanup=[{"what": "tasks", "ttl": "1h", "every": "1h"}],
    )
    fleet.start()
    ids = fleet.submit("say", [f"p{n}" for n in range(20)] + ["bad"])
    waiting = fleet.submit("hold", ["a", "b"])
    fleet.wait_for(
        lambda: (fleet.group("say")["done"], fleet.group("say")["dead"]) == (20, 1), "all are over"
    )
    spool = fleet.places.payloads
    results = [p for p in spool.rglob("*.result") if p.is_file()]
    assert len(results) == 20

    by_file = fleet.ctl("cleanup")
    assert (by_file.returncode, by_file.stdout) == (0, "tasks  nothing to remove\n")

    dry = fleet.ctl("cleanup", "tasks", "--ttl", "0s", "--dry-run")
    assert dry.stdout.startswith("tasks  20 would go, "), dry
    assert fleet.group("say")["done"] == 20

    done = fleet.ctl("cleanup", "tasks", "--ttl", "0s", "-o", "json")
    run = json.loads(done.stdout)["runs"][0]
    assert (run["count"], run["problems"]) == (20, [])
    assert run["bytes"] > 20 * LONG
    assert [p for p in spool.rglob("*.result") if p.is_file()] == []
    assert (fleet.group("say")["done"], fleet.group("say")["dead"]) == (0, 1)
    assert fleet.ctl("result", str(ids[0])).returncode == 1
    shown = json.loads(fleet.ctl("tasks", "-o", "json").stdout)["tasks"]
    assert {row["id"] for row in shown} == {ids[-1], *waiting}
    (event,) = [e for e in fleet.api.get("/v1/events")["events"] if e["event"] == "cleaned"]
    assert (event["fields"]["what"], event["fields"]["count"]) == ("tasks", 20)

    dead = fleet.ctl("cleanup", "dead", "--ttl", "0s")
    assert dead.stdout.startswith("dead  1 gone"), dead

    fleet.stop()
    fleet.start()
    assert fleet.group("say")["dead"] == 0
    assert fleet.group("hold")["queued"] + fleet.group("hold")["running"] == 2
    again = fleet.submit("say", ["once more"])
    assert again[0] > waiting[-1]
    fleet.await_done("say", 1)


def test_logs_and_leftover_files(fleet: Fleet) -> None:
    fleet.write({"idle": {"run": ["sleep", "1000"]}})
    fleet.start()
    old = time.time() - 90 * 86400
    logs, payloads = fleet.places.logs, fleet.places.payloads
    log = logs / "idle-1.log"
    fleet.wait_for(log.exists, "it is logged")
    mine = [logs / "idle-1.log.2", logs / "gone-1.log", payloads / "77.payload"]
    for path in (*mine, log):
        path.write_text("x" * 10_000)
        os.utime(path, (old, old))
    done = fleet.ctl("cleanup", "logs", "payloads")
    assert done.returncode == 0, done
    assert [path.exists() for path in (*mine, log)] == [False, False, False, True]
    assert "logs      2 gone, 19.5 KiB" in done.stdout
    assert "payloads  1 gone, 9.77 KiB" in done.stdout
