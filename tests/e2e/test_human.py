"""What people do to a fleet's tmux server by hand: none of it harms the fleet, and what is theirs stays theirs."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.fleet import DEADLINE, Fleet
from tests.e2e.marks import alive, marked
from tests.e2e.programs import idle, ledger, ledger_task, open_gate


def test_kills_one_session(fleet: Fleet) -> None:
    fleet.write({"idle": idle(3)})
    fleet.start()
    before = fleet.pids()
    fleet.tmux("kill-session", "-t", "=idle-2")
    fleet.wait_for(
        lambda: fleet.worker("idle-2")["pid"] not in (None, before["idle-2"]), "it is back"
    )
    fleet.settle()
    after = fleet.workers()
    assert after["idle-2"]["last_exit"].startswith("session_killed")
    assert {n: w["pid"] for n, w in after.items() if n != "idle-2"} == {
        n: pid for n, pid in before.items() if n != "idle-2"
    }


def test_kills_a_session_in_mid_task(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 1)})
    fleet.start()
    fleet.submit("work", ["hold"])
    fleet.wait_for(lambda: ledger(fleet.folder), "the task has begun")
    fleet.tmux("kill-session", "-t", "=work-1")
    open_gate(fleet.folder)
    fleet.await_done("work", 1)
    assert fleet.worker("work-1")["last_exit"].startswith("session_killed")


def test_renames_one_session(fleet: Fleet) -> None:
    """It gets its name back, and its process never notices."""
    fleet.write({"idle": idle(2)})
    fleet.start()
    before = fleet.pids()
    fleet.tmux("rename-session", "-t", "=idle-1", "mine")
    fleet.wait_for(lambda: sorted(fleet.sessions())[:2] == ["idle-1", "idle-2"], "the name is back")
    fleet.settle()
    assert fleet.pids() == before
    assert fleet.status()["foreign"] == []


def test_two_renamed_to_each_others_names(fleet: Fleet) -> None:
    fleet.write({"idle": idle(2)})
    fleet.start()
    before = fleet.pids()
    swap = (("idle-1", "x"), ("idle-2", "idle-1"), ("x", "idle-2"))
    fleet.tmux(*(w for old, new in swap for w in ("rename-session", "-t", f"={old}", new, ";")))
    show = ("display-message", "-p", "-t", "=idle-1:", "#{pane_pid}")
    fleet.wait_for(lambda: fleet.tmux(*show) == str(before["idle-1"]), "the names are right again")
    fleet.settle()
    assert fleet.pids() == before


@contextlib.contextmanager
def attached(fleet: Fleet, session: str) -> Iterator[int]:
    """A client on a terminal of its own; gives the terminal."""
    terminal, inner = pty.openpty()
    client = subprocess.Popen(
        ["tmux", "-u", "-N", "-S", str(fleet.places.tmux_socket), "attach", "-t", f"={session}"],
        stdin=inner,
        stdout=inner,
        stderr=inner,
        env=fleet.env | {"TERM": "xterm"},
        start_new_session=True,
    )
    os.close(inner)
    try:
        yield terminal
    finally:
        client.send_signal(signal.SIGHUP)
        client.wait(DEADLINE)
        os.close(terminal)


def drain(terminal: int) -> bool:
    """Take what the client draws, so that it does not block; always true."""
    with contextlib.suppress(OSError):  # EIO: the client has gone
        while select.select([terminal], [], [], 0)[0]:
            os.read(terminal, 65536)
    return True


def clients(fleet: Fleet, session: str) -> int:
    return int(fleet.tmux("display-message", "-p", "-t", f"={session}:", "#{session_attached}"))


def test_attaches_types_and_detaches(fleet: Fleet) -> None:
    said = fleet.folder / "said"
    fleet.write({"shell": {"run": ["bash", "--norc"]}, "idle": idle()})
    fleet.start()
    before = fleet.pids()
    with attached(fleet, "shell-1") as terminal:
        fleet.wait_for(lambda: drain(terminal) and clients(fleet, "shell-1") == 1, "attached")
        os.write(terminal, f"echo hello > {said}\r".encode())
        fleet.wait_for(lambda: drain(terminal) and said.exists(), "the shell does what is typed")
        fleet.settle()
        os.write(terminal, b"\x02d")  # the prefix key, then: detach
        fleet.wait_for(lambda: drain(terminal) and clients(fleet, "shell-1") == 0, "detached")
    fleet.settle()
    assert said.read_text() == "hello\n"
    assert fleet.pids() == before


def test_a_client_that_hangs_does_not_hold_up_down(fleet: Fleet) -> None:
    """A tmux server that was told to end waits for its clients, and a stopped one never leaves."""
    fleet.write({"idle": idle(2)})
    fleet.start()
    with attached(fleet, "idle-1") as terminal:
        fleet.wait_for(lambda: drain(terminal) and clients(fleet, "idle-1") == 1, "attached")
        client = int(fleet.tmux("list-clients", "-t", "=idle-1", "-F", "#{client_pid}"))
        os.kill(client, signal.SIGSTOP)
        try:
            fleet.down()
        finally:
            os.kill(client, signal.SIGCONT)
    assert marked(str(fleet.folder)) == []


def test_types_into_a_busy_worker(fleet: Fleet) -> None:
    """What is typed into a runner's pane goes nowhere; its tasks end as they should."""
    fleet.write({"work": ledger_task(fleet.folder, 1)})
    fleet.start()
    pid = fleet.worker("work-1")["pid"]
    fleet.submit("work", ["hold", "b", "c"])
    fleet.wait_for(lambda: ledger(fleet.folder), "the task has begun")
    fleet.tmux("send-keys", "-t", "=work-1:", "echo", "Space", "done", "Enter", "C-d", "Enter")
    open_gate(fleet.folder)
    fleet.await_done("work", 3)
    worker = fleet.worker("work-1")
    assert (worker["pid"], worker["restarts"]) == (pid, 0)
    assert ledger(fleet.folder) == ["hold", "b", "c"]


def test_presses_ctrl_c_in_a_busy_worker(fleet: Fleet) -> None:
    """That ends the worker, as it would in any terminal; the task is done by its successor."""
    fleet.write({"work": ledger_task(fleet.folder, 1)})
    fleet.start()
    pid = fleet.worker("work-1")["pid"]
    fleet.submit("work", ["hold"])
    fleet.wait_for(lambda: ledger(fleet.folder), "the task has begun")
    fleet.tmux("send-keys", "-t", "=work-1:", "C-c")
    open_gate(fleet.folder)
    fleet.wait_for(lambda: fleet.group("work")["done"] == 1, "the task is done")
    fleet.settle()
    assert fleet.worker("work-1")["ready"]
    assert len(ledger(fleet.folder)) == 1 + (fleet.worker("work-1")["pid"] != pid)


def test_respawns_a_pane_by_hand(fleet: Fleet) -> None:
    """Another program in a worker's pane is not the worker: it is replaced."""
    fleet.write({"idle": idle(2)})
    fleet.start()
    before = fleet.pids()
    fleet.tmux("respawn-pane", "-k", "-t", "=idle-1:", "sleep", "999999")
    fleet.wait_for(
        lambda: fleet.worker("idle-1")["pid"] not in (None, before["idle-1"]), "replaced"
    )
    fleet.settle()
    worker = fleet.worker("idle-1")
    assert worker["last_exit"].startswith("replaced")
    argv = Path(f"/proc/{worker['pid']}/cmdline").read_bytes().split(b"\0")
    assert argv[1] == b"1000000"
    assert fleet.pids()["idle-2"] == before["idle-2"]


def test_makes_a_session_of_his_own(fleet: Fleet) -> None:
    """It is shown and never touched, whatever it is called."""
    fleet.write({"idle": idle(1), "work": ledger_task(fleet.folder, 1)})
    fleet.start()
    fleet.tmux("new-session", "-d", "-s", "mine", "sleep", "1000000")
    fleet.tmux("new-session", "-d", "-s", "idle-2", "sleep", "1000000")
    show = ("display-message", "-p", "-t", "=mine:", "#{pane_pid}")
    mine = int(fleet.tmux(*show))
    fleet.wait_for(lambda: fleet.status()["foreign"] == ["idle-2", "mine"], "both are shown")
    fleet.write({"idle": idle(2)})
    fleet.wait_for(
        lambda: fleet.worker("idle-2")["pid"] is not None or fleet.events("start_failed"), "tried"
    )
    assert alive(mine)
    fleet.write({})
    fleet.settle()
    assert sorted(set(fleet.sessions()) & {"mine", "idle-1", "idle-2", "work-1"}) == [
        "idle-2",
        "mine",
    ]
    assert alive(mine)


def test_a_second_window_in_a_workers_session(fleet: Fleet) -> None:
    """Somebody works beside the worker; when the worker's own pane is closed, it comes back."""
    fleet.write({"idle": idle(1)})
    fleet.start()
    pid = fleet.worker("idle-1")["pid"]
    fleet.tmux("new-window", "-d", "-t", "=idle-1:", "sleep", "1000000")
    fleet.settle()
    assert fleet.worker("idle-1")["pid"] == pid
    os.kill(pid, signal.SIGKILL)
    fleet.wait_for(lambda: fleet.worker("idle-1")["pid"] not in (None, pid), "it is back")
    fleet.settle()
    assert fleet.worker("idle-1")["state"] == "running"
