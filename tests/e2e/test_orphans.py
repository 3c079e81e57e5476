"""What workers leave behind and no daemon remembers is found by its marks and ended; nothing else is."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.fleet import DEADLINE, Fleet, Json
from tests.e2e.marks import alive
from tests.e2e.programs import idle
from tmaxd.nested import is_inside

SLEEP = shutil.which("sleep") or "/bin/sleep"
DAEMON = [sys.executable, "-m", "tmaxd.daemon.main"]


def environment(pid: int) -> dict[str, str]:
    text = Path(f"/proc/{pid}/environ").read_bytes().decode()
    return dict(line.split("=", 1) for line in text.split("\0") if "=" in line)


@pytest.fixture
def ends() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def leave(ends: ExitStack, env: Mapping[str, str], *argv: str) -> int:
    """A process with this environment, which belongs to nobody."""
    process = subprocess.Popen(
        argv or (SLEEP, "1000000"),
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    ends.callback(process.wait)  # the last is called first
    ends.callback(process.kill)
    return process.pid


def clean(fleet: Fleet, *, dry: bool) -> Json:
    fleet.wait_for(lambda: fleet.status()["cleanups"], "clean-ups can be asked for")
    body = {"what": ["orphans"], "dry": dry}
    (run,) = fleet.api.post("/v1/cleanup", wait=4 * DEADLINE, body=body)["runs"]
    return dict(run)


def test_orphans_are_ended_and_nobody_else(fleet: Fleet, ends: ExitStack) -> None:
    fleet.write({"w": idle(2)})
    fleet.start()
    marks = environment(fleet.worker("w-1")["pid"])
    assert clean(fleet, dry=True)["items"] == []
    gone = marks | {"TMAX_RUN": "000000000000"}
    lost = {
        leave(ends, gone),
        leave(ends, gone, "sh", "-c", "trap '' TERM; while :; do sleep 1000; done"),
    }
    kept = {
        "escaped from a run that lives": leave(ends, marks),
        "of another fleet": leave(ends, gone | {"TMAX_OWNER": "1-2"}),
        "of an older tmaxd, without an owner": leave(
            ends, {k: v for k, v in gone.items() if k != "TMAX_OWNER"}
        ),
        "no worker's": leave(ends, {}),
        "a daemon started in there": nested(fleet, ends, gone),
    }
    shown = clean(fleet, dry=True)
    found = {int(item["name"].split()[1]) for item in shown["items"]}
    assert found >= lost
    assert not found & set(kept.values())
    assert all("from w-1 (run 000000000000)" in item["note"] for item in shown["items"])
    assert all(map(alive, lost)), "a dry run changes nothing"
    done = clean(fleet, dry=False)
    assert not [pid for pid in lost if alive(pid)]
    assert [what for what, pid in kept.items() if not alive(pid)] == []
    assert done["problems"] == []
    assert {int(item["name"].split()[1]) for item in done["items"]} == found
    (event,) = fleet.events("orphan_ended")
    assert (event["worker"], event["run"]) == ("w-1", "000000000000")
    assert lost <= set(event["pids"])
    assert {w["restarts"] for w in fleet.workers().values()} == {0}


def nested(fleet: Fleet, ends: ExitStack, marks: dict[str, str]) -> int:
    """Another fleet's daemon, run by what a worker has left behind. It sheds the worker's marks as it starts."""
    spec = fleet.folder / "nested.yaml"
    spec.write_text("version: 1\nfleet: nested\nworkers: {}\n")
    pid = leave(ends, marks | fleet.env, *DAEMON, str(spec))
    socket = fleet.places.runtime.parent / "nested/api.sock"
    fleet.wait_for(socket.exists, "it answers")
    assert not is_inside(environment(pid))
    return pid


def test_what_outlived_a_lost_state_is_an_orphan(fleet: Fleet) -> None:
    """The journal and the tmux server are gone, and with them all memory of the runs."""
    program = fleet.folder / "leak.sh"
    program.write_text(
        f"setsid {SLEEP} 1000000 >/dev/null 2>&1 & echo $! > leaked; exec sleep 1000\n"
    )
    fleet.write({"w": {"run": ["sh", str(program)], "cwd": str(fleet.folder)}})
    fleet.start()
    leaked = fleet.folder / "leaked"
    pid = int(fleet.wait_for(lambda: leaked.exists() and leaked.read_text(), "it has leaked"))
    fleet.kill9()
    fleet.write({})
    fleet.tmux("kill-server")
    for file in fleet.places.state.glob("state.db*"):
        file.unlink()
    fleet.start()
    assert alive(pid), "nobody knows of it yet"
    assert f"pid {pid}" in {item["name"] for item in clean(fleet, dry=False)["items"]}
    assert not alive(pid)
