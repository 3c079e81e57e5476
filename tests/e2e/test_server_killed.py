"""The tmux server dies with everything in it, or its socket is taken away: one event, and all comes back."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from contextlib import closing

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.marks import alive
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
    assert_one_event(fleet, "server_died", 6)
    assert set(ledger(fleet.folder)) == set(payloads)


def gone_with_its_machine(fleet: Fleet) -> None:
    """The journal is of another boot, and what is not on a disk is gone."""
    with closing(sqlite3.connect(fleet.places.database)) as db, db:
        assert db.execute("UPDATE runs SET boot_id = 'of-before'").rowcount == 3
    shutil.rmtree(fleet.places.runtime)


@pytest.mark.parametrize("reason", ["server_died", "rebooted"])
def test_server_and_daemon_are_killed_together(fleet: Fleet, reason: str) -> None:
    fleet.write(
        {
            "work": ledger_task(fleet.folder, 2),
            "idle": {**idle(1), "restart": {"limit": {"crashes": 1, "then": "stop"}}},
        }
    )
    fleet.start()
    fleet.submit("work", [f"hold-{n}" for n in range(6)])
    fleet.wait_for(lambda: fleet.group("work")["running"] == 2, "tasks run")
    pids = fleet.pids().values()
    fleet.kill9()
    fleet.tmux("kill-server")
    fleet.wait_for(lambda: not any(alive(pid) for pid in pids), "they are gone")
    fleet.log.unlink()
    if reason == "rebooted":
        gone_with_its_machine(fleet)
    open_gate(fleet.folder)
    fleet.start()
    fleet.await_done("work", 6)
    assert {w["last_exit"].split(":")[0] for w in fleet.workers().values()} == {reason}
    assert {row["attempt"] for row in fleet.rows("work")} == {1}, "no attempt was spent"
    assert_one_event(fleet, reason, 3)
    assert not fleet.events("pipe_trouble")
    why = fleet.ctl("why", "idle-1").stdout
    assert "died together with many others" in why, why
    assert "was started again, with all others" in why, why


def assert_one_event(fleet: Fleet, reason: str, died: int) -> None:
    """And one for the revival; nothing is told of the single workers."""
    (event,) = fleet.events("mass_death")
    assert (event["reason"], event["died"], len(event["workers"])) == (reason, died, died)
    fleet.wait_for(lambda: fleet.events("revived"), "all are up again")
    (event,) = fleet.events("revived")
    assert (event["reason"], event["died"], event["up"]) == (reason, died, died)
    for name in ("ended", "stop", "signal", "resting"):
        assert not fleet.events(name, reason=reason), name
    assert not fleet.events("started", reason=reason)


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
