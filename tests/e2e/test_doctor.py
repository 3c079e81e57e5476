"""`tmaxctl doctor` beside a real daemon: it disturbs nothing, and clears away what a dead one has left."""

from __future__ import annotations

import json
from typing import Any

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle


def doctor(fleet: Fleet, *more: str) -> dict[str, Any]:
    done = fleet.ctl("doctor", "-o", "json", *more)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def levels(said: dict[str, Any], *checks: str) -> set[str]:
    return {f["level"] for f in said["findings"] if f["check"] in checks}


def test_a_fleet_is_looked_at_while_it_runs_and_after_its_daemon_was_killed(fleet: Fleet) -> None:
    fleet.write({"shell": idle(2)})
    fleet.start()
    pids, server = fleet.pids(), fleet.server_pid()

    said = doctor(fleet, "--deep", "--fix")
    assert said["repairs"] == []
    assert levels(said, "daemon", "stale_socket", "tmux_server", "state", "state_integrity") == {
        "ok"
    }
    assert levels(said, "folder", "folder_mode", "spec", "programs", "open_files") == {"ok"}
    assert (fleet.pids(), fleet.server_pid()) == (pids, server)

    fleet.kill9()
    said = doctor(fleet, "--fix")
    left = [entry["text"] for entry in said["repairs"]]
    assert left == [
        f"removed {fleet.places.api_socket}"
    ]  # the tmux server lives, and keeps its own
    assert fleet.places.tmux_socket.exists()
    assert levels(said, "stale_socket", "state") == {"ok"}

    fleet.start()
    assert (fleet.pids(), fleet.server_pid()) == (pids, server)
