"""One daemon a fleet, whatever an earlier one has left lying about."""

from __future__ import annotations

import os
import socket

from tests.e2e.fleet import DEADLINE, Fleet
from tests.e2e.programs import idle


def test_the_second_says_who_holds_the_lock(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1)})
    pid = fleet.start()
    before = fleet.pids()
    second = fleet.spawn()
    assert second.wait(DEADLINE) == 1
    told = [line for line in fleet.log.read_text().splitlines() if str(fleet.places.lock) in line]
    assert f"pid {pid}" in told[-1]
    assert fleet.status()["pid"] == pid
    assert fleet.pids() == before


def test_two_started_at_once(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2)})
    both = [fleet.spawn(), fleet.spawn()]
    loser = fleet.wait_for(lambda: [d for d in both if d.poll() is not None], "one gives up")
    assert [d.returncode for d in loser] == [1]
    (fleet.daemon,) = (d for d in both if d not in loser)
    fleet.wait_for(fleet.places.api_socket.exists, "the other one serves")
    assert fleet.settle()["pid"] == fleet.daemon.pid
    assert len(fleet.pids()) == 2


def test_a_stale_socket(fleet: Fleet) -> None:
    """Nobody listens on the socket that a dead daemon left; tmaxctl says so, and the next daemon takes it."""
    fleet.write({"idle": idle(1)})
    fleet.start()
    before = fleet.pids()
    fleet.kill9()
    assert fleet.places.api_socket.exists()
    refused = fleet.ctl("status")
    assert refused.returncode == 3
    assert "Traceback" not in refused.stderr
    fleet.start()
    assert fleet.ctl("status").returncode == 0
    assert fleet.pids() == before


def test_a_plain_file_in_place_of_the_socket(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1)})
    fleet.start()
    fleet.kill9()
    fleet.places.api_socket.unlink()
    with socket.socket(socket.AF_UNIX) as other:  # bound, and never listened on
        other.bind(str(fleet.places.api_socket))
    fleet.start()
    assert fleet.ctl("status").returncode == 0


def test_a_folder_in_place_of_the_socket(fleet: Fleet) -> None:
    """A daemon that nobody could reach does not stay: it says why and ends; its workers wait for the next."""
    fleet.write({"idle": idle(1)})
    fleet.start()
    before = fleet.pids()
    fleet.kill9()
    fleet.places.api_socket.unlink()
    fleet.places.api_socket.mkdir()
    assert fleet.spawn().wait(DEADLINE) == 1
    assert "directory" in fleet.events("front_failed")[-1]["text"]
    fleet.places.api_socket.rmdir()
    fleet.start()
    assert fleet.pids() == before


def test_a_stale_lock_file(fleet: Fleet) -> None:
    """What it says of a process counts for nothing; only the kernel's lock does."""
    fleet.write({"idle": idle(1)})
    fleet.start()
    assert fleet.stop() == 0
    fleet.places.lock.write_text(f"{os.getpid()} 1\n")
    fleet.start()
    assert fleet.places.lock.read_text().split()[0] == str(fleet.status()["pid"])


def test_ends_in_good_order_and_workers_live_on(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2)})
    fleet.start()
    before = fleet.pids()
    assert fleet.stop() == 0
    assert not fleet.places.api_socket.exists()
    fleet.start()
    assert fleet.pids() == before
    assert [w["restarts"] for w in fleet.workers().values()] == [0, 0]


def test_a_fleet_cannot_be_renamed_by_an_edit(fleet: Fleet) -> None:
    fleet.write({"idle": idle(1)})
    fleet.start()
    fleet.save(fleet.text({"idle": idle(1)}).replace("fleet: e2e", "fleet: other"))
    fleet.wait_for(lambda: fleet.status()["spec"]["state"] == "rejected", "it is refused")
    problem = fleet.status()["spec"]["problems"][0]
    assert "cannot be renamed" in problem["message"]
    shown = problem["text"].splitlines()
    assert shown[1].index("other") == shown[2].index("^"), "the caret points at the name"
