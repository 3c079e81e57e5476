"""What workers use is measured, and where there are cgroups nobody gets out of his worker's."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.marks import stat_of
from tests.e2e.programs import idle
from tmaxd.world.cgroup import name_of

ESCAPE = """\
import os, signal, sys, time
while "tmaxd-" not in open("/proc/self/cgroup").read():
    time.sleep(0.005)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        code = (
            "import os, signal, sys, time\\n"
            "for number in (signal.SIGTERM, signal.SIGHUP): signal.signal(number, signal.SIG_IGN)\\n"
            "open(sys.argv[1] + '.new', 'w').write(str(os.getpid()))\\n"
            "os.rename(sys.argv[1] + '.new', sys.argv[1])\\n"
            "time.sleep(1000)\\n"
        )
        os.execve(sys.executable, [sys.executable, "-I", "-S", "-c", code, sys.argv[1]], {})
    os._exit(0)
os.wait()
time.sleep(1000)
"""
"""A descendant that has left session and family, and has no mark: only a cage still holds it."""


def sampled(fleet: Fleet) -> dict[str, dict[str, object]]:
    """Each worker's usage, once all are measured."""
    fleet.wait_for(
        lambda: all(w["usage"] for w in fleet.workers().values()) and fleet.status()["usage"],
        "all were measured",
    )
    return {name: w["usage"] for name, w in fleet.workers().items()}


def test_all_that_a_fleet_uses_is_measured(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2), "shell": {"task": ["true", "{payload}"], "count": 1}})
    fleet.start()
    each = sampled(fleet)
    status = fleet.status()
    usage = status["usage"]
    assert each.keys() == {"idle-1", "idle-2", "shell-1"}
    assert all(int(str(u["bytes"])) > 0 and u["processes"] and u["files"] for u in each.values())
    parts = [usage["workers"], usage["daemon"], usage["tmux"]]
    assert usage["bytes"] == sum(part["bytes"] for part in parts)
    assert usage["workers"]["measured"] == 3
    assert usage["free"] > usage["bytes"]
    assert fleet.group("idle")["usage"]["measured"] == 2
    text = fleet.ctl("status").stdout
    assert "MEMORY" in text
    assert "MiB" in text


def test_limits_are_kept_or_it_is_told_that_they_are_not(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1) | {"memory": {"max": "512MiB"}}})
    fleet.start()
    held = fleet.status()["containment"]
    if held["limits"]:
        assert sampled(fleet)["idle-1"]["basis"] == "cgroup"
        assert held["unkept"] == []
        return
    assert held["unkept"] == ["idle"]
    assert held["why"]
    assert "nobody keeps memory.high and memory.max of idle" in fleet.ctl("status").stdout
    assert fleet.events("limits_not_kept", groups=["idle"])


def test_who_has_left_everything_behind_goes_with_his_worker(fleet: Fleet) -> None:
    script, told = fleet.folder / "escape.py", fleet.folder / "escaped"
    script.write_text(ESCAPE)
    fleet.write({"idle": idle(1)})
    fleet.start()
    if fleet.status()["containment"]["kind"] != "cgroup":
        pytest.skip(str(fleet.status()["containment"]["why"]))
    fleet.write({"bad": {"run": [sys.executable, "-I", "-S", str(script), str(told)]}})
    fleet.settle()
    pid = int(fleet.wait_for(told.exists, "it has escaped") and told.read_text())
    start = (stat_of(pid) or ("", -1))[1]
    try:
        assert name_of(fleet.places.state) in cgroup_of(pid)
        fleet.kill9()  # the next daemon knows its cage again
        fleet.start()
        fleet.down()
        found = stat_of(pid)
        assert found is None or found[0] in "ZX" or found[1] != start, "it lives on"
    finally:
        if (stat_of(pid) or ("", 0))[1] == start:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def cgroup_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cgroup").read_text()
