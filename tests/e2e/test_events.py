"""Events of a living fleet: followed over the death of a daemon, each once; and the chain of a start."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

from tests.e2e.fleet import DEADLINE, Fleet
from tests.e2e.programs import idle


def test_followed_over_the_death_of_the_daemon(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2)})
    fleet.start()
    args = ["events", "--follow", "--since", "0", "-o", "json"]
    command = [sys.executable, "-m", "tmaxd.ctl.main", *args]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=fleet.env, cwd=fleet.folder
    ) as process:
        try:
            assert process.stdout is not None
            seen = []

            def until(event: str, worker: str, reason: str) -> None:
                assert process.stdout is not None
                while True:
                    seen.append(json.loads(process.stdout.readline()))
                    last = tuple(seen[-1][key] for key in ("event", "worker", "reason"))
                    if last == (event, worker, reason):
                        return

            until("started", "idle-2", "added")
            fleet.signal("idle-1", signal.SIGKILL)
            until("started", "idle-1", "crashed")
            fleet.kill9()
            fleet.start()
            until("adopted", "idle-2", "adopted")
            fleet.signal("idle-2", signal.SIGKILL)
            until("started", "idle-2", "crashed")
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=DEADLINE)
        finally:
            process.kill()
    numbers = [event["seq"] for event in seen]
    assert numbers == sorted(set(numbers)), "each once, in order"
    assert fleet.ctl("events", "--event", "ended", "--worker", "idle-1").stdout.endswith(
        "idle-1      ended: crashed (signal 9)\n"
    )


def test_what_a_start_waited_for(fleet: Fleet) -> None:
    slow = {"run": ["sh", "-c", "sleep 0.5; echo up; exec sleep 1000"], "ready": {"output": "^up"}}
    fleet.write({"web": idle(1, after={"db": "ready"}), "db": slow})
    fleet.start()
    lines = fleet.ctl("status", "--chain").stdout.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["GROUP", "db", "web"]
    assert lines[2].endswith("db: ready")
    assert lines[-1].startswith("the longest way: db ")
    start = {w["name"]: w["since"] for w in fleet.status()["workers"]}
    assert start["web-1"] - start["db-1"] >= 0.5
