"""The memory store of a real fleet: stored by bash, Python and the command, and there after kills."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from tests.e2e.fleet import Fleet, Json

ROOT = Path(__file__).parents[2]

BASH = r"""
exec 3<>"$TMAX_PIPES/results.pipe"
printf '\nready\t1\t1\n' >&3
printf 'store\tnotes\tfrom bash\t3600\t%s\n' 'a text \\ with\ttab' >&3
for i in 1 2 3; do printf 'incr\tnotes\tcount\t1\n' >&3; done
exec sleep 100000
"""

IDLE = r"""
exec 3<>"$TMAX_PIPES/results.pipe"
printf '\nready\t1\t1\n' >&3
exec sleep 100000
"""

PYTHON = """
from tmaxd.worker import memory, serve
version = memory.put("from python", {"a": [1, 2]}, ns="notes", ttl=3600)
assert memory.get("from python", ns="notes") == {"a": [1, 2]}
memory.put_nowait("long", "x" * 10000, ns="notes")
memory.put("done", version, ns="notes")
serve(lambda task: memory.incr("tasks", ns="notes"))
"""


def python(program: str) -> Json:
    return {
        "count": 1,
        "serve": [sys.executable, "-c", program],
        "env": {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"},
    }


def get(fleet: Fleet, key: str, ns: str = "notes") -> object:
    done = fleet.ctl("memory", "get", key, "-n", ns, "-o", "json")
    return json.loads(done.stdout).get("value")


def test_bash_python_and_the_command_share_it(fleet: Fleet) -> None:
    fleet.write(
        {"bash": {"count": 1, "serve": ["bash", "-c", BASH]}, "python": python(PYTHON)},
        store={"max_value": "16KiB"},
    )
    fleet.start()
    fleet.wait_for(lambda: get(fleet, "done") is not None, "python has stored")
    fleet.wait_for(lambda: get(fleet, "long") == "x" * 10000, "the file is read")
    assert get(fleet, "from python") == {"a": [1, 2]}
    fleet.wait_for(lambda: get(fleet, "count") == 3, "bash has stored")
    assert get(fleet, "from bash") == "a text \\ with\ttab"
    assert not list(fleet.places.payloads.glob("*/store-*")), "the file is gone"
    fleet.submit("python", ["x"])
    fleet.wait_for(lambda: get(fleet, "tasks") == 1, "a task has counted")
    state = json.loads(fleet.ctl("memory", "get", "bash-1/state", "-n", "worker").stdout)
    assert state["state"] == "idle"
    done = fleet.ctl("memory", "store", "k", "x" * 20000)
    assert done.returncode == 1
    assert fleet.places.memory.stat().st_mode & 0o777 == 0o600


def test_a_worker_without_fifos_stores_by_the_api(fleet: Fleet) -> None:
    program = (
        "from tmaxd.worker import memory\n"
        "try: memory.put_nowait('k', 1)\n"
        "except memory.Unavailable as error: memory.put('k', str(error))\n"
        "import time; time.sleep(100000)\n"
    )
    group = python(program)
    group["run"] = group.pop("serve")
    fleet.write({"plain": group})
    fleet.start()
    fleet.wait_for(lambda: "have no FIFOs" in str(get(fleet, "k", "default")), "it has stored")


def test_it_is_there_after_the_daemon_was_killed(fleet: Fleet) -> None:
    fleet.write({"idle": {"count": 1, "serve": ["bash", "-c", IDLE]}})
    fleet.start()
    assert not fleet.places.memory.exists(), "nothing is made for a fleet that does not use it"
    assert fleet.ctl("memory", "store", "k", "v", "-n", "notes").returncode == 0
    fleet.ctl("memory", "store", "short", "v", "-n", "notes", "--ttl", "1s")
    fleet.kill9()
    # Written while no daemon runs: it waits in the FIFO.
    with open(fleet.pipe("idle-1", "results"), "r+b", buffering=0) as pipe:
        pipe.write(b"store\tnotes\tmeanwhile\t-\tv\n")
    fleet.start()
    assert get(fleet, "k") == "v"
    fleet.wait_for(lambda: get(fleet, "meanwhile") == "v", "the frame is read")
    fleet.wait_for(
        lambda: (
            [
                (row["keys"], row["expired"])
                for row in fleet.api.get("/v1/memory/stats")["namespaces"]
            ]
            == [(2, 1)]
        ),
        "what is over is deleted",
    )


def test_a_damaged_store_leaves_the_fleet_alone(fleet: Fleet) -> None:
    fleet.write({"idle": {"count": 1, "run": ["sleep", "100000"]}})
    fleet.places.state.mkdir(parents=True, mode=0o700)
    fleet.places.memory.write_bytes(b"no database at all")
    os.chmod(fleet.places.memory, 0o600)
    fleet.start()
    fleet.wait_for(lambda: fleet.events("store_unreadable"), "it is told")
    assert any("memory.db" in problem for problem in fleet.status()["problems"])
    done = fleet.ctl("memory", "store", "k", "v")
    assert done.returncode == 1
    assert "left as it is" in done.stderr
    assert fleet.places.memory.read_bytes() == b"no database at all"
    assert fleet.worker("idle-1")["state"] == "running"
