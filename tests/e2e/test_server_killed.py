"""The tmux server dies with everything in it, or its socket is taken away: one event, and all comes back."""

from __future__ import annotations

import os
import signal

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.programs import idle, ledger, ledger_serve, ledger_task, open_gate


@pytest.mark.parametrize("how", ["SIGKILL", "SIGTERM", "kill-server"])
def test_everything_comes_back_the_tasks_too(fleet: Fleet, how: str) -> None:
    fleet.write(
        {
            "idle": idle(2),
            "serve": ledger_serve(fleet.folder, 2),
            "work": ledger_task(fleet.folder, 2),
        }
    )
    fleet.start()
    before = fleet.pids()
    server = fleet.server_pid()
    payloads = [f"hold-{n}" for n in range(10)]
    for group in ("work", "serve"):
        fleet.submit(group, payloads)
    fleet.wait_for(lambda: fleet.group("work")["running"] == 2, "tasks run")
    fleet.wait_for(lambda: fleet.group("serve")["running"] == 2, "tasks run")
    if how == "kill-server":
        fleet.tmux("kill-server")
    else:
        os.kill(server, signal.Signals[how])
    fleet.wait_for(
        lambda: len(set(fleet.pids().values()) - set(before.values()) - {None}) == 6, "all are back"
    )
    open_gate(fleet.folder)
    for group in ("work", "serve"):
        fleet.await_done(group, 10)
    fleet.settle()
    workers = fleet.workers()
    assert workers.keys() == before.keys()
    assert fleet.server_pid() != server
    # An outside cause: nobody waits, and nothing counts against the workers.
    assert {w["last_exit"].split(":")[0] for w in workers.values()} == {"server_died"}
    assert [e["reason"] for e in fleet.events("ended")] == ["server_died"] * 6
    assert set(ledger(fleet.folder)) == set(payloads)


def test_the_server_is_killed_while_no_daemon_runs(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 2)})
    fleet.start()
    fleet.submit("work", [f"hold-{n}" for n in range(6)])
    fleet.wait_for(lambda: fleet.group("work")["running"] == 2, "tasks run")
    fleet.kill9()
    fleet.tmux("kill-server")
    open_gate(fleet.folder)
    fleet.start()
    fleet.await_done("work", 6)
    assert {w["last_exit"].split(":")[0] for w in fleet.workers().values()} == {"ended_while_down"}


def test_the_socket_is_deleted_while_the_server_lives(fleet: Fleet) -> None:
    """It is made again; no worker notices."""
    fleet.write({"idle": idle(3)})
    fleet.start()
    before, server = fleet.pids(), fleet.server_pid()
    fleet.places.tmux_socket.unlink()
    fleet.wait_for(fleet.places.tmux_socket.exists, "the socket is there again")
    fleet.settle()
    assert (fleet.pids(), fleet.server_pid()) == (before, server)


def test_the_socket_is_deleted_while_no_daemon_runs(fleet: Fleet) -> None:
    fleet.write({"idle": idle(3)})
    fleet.start()
    before, server = fleet.pids(), fleet.server_pid()
    fleet.kill9()
    fleet.places.tmux_socket.unlink()
    fleet.start()
    assert (fleet.pids(), fleet.server_pid()) == (before, server)
