"""The warm pool: a worker that takes long to boot is back at once, its tasks are done once, and a daemon that dies in
the middle of a hand-over leaves nothing that the next one cannot bring to its end."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet, Json
from tests.e2e.programs import SERVE, idle, ledger, ledger_task

BOOT = 2.0
POINTS = ("pool.after_tmux", "pool.after_old_pipes", "pool.after_folder", "pool.after_pipes")


def slow(fleet: Fleet, count: int = 1, boot: float = BOOT, **more: object) -> Json:
    """Workers that take a while to boot, and then put each payload into the ledger."""
    program = fleet.folder / "slow.py"
    program.write_text("import sys, time\ntime.sleep(float(sys.argv[3]))\n" + SERVE)
    return {
        "count": count,
        "serve": [sys.executable, str(program), str(fleet.folder), "4", str(boot)],
        "env": {"PYTHONPATH": str(Path(__file__).parents[2]), "PYTHONDONTWRITEBYTECODE": "1"},
        "pool": {"size": 1},
        **more,
    }


def pool(fleet: Fleet, group: str = "work") -> Json:
    return dict(fleet.group(group)["pool"])


def filled(fleet: Fleet, size: int = 1, group: str = "work") -> Json:
    return fleet.wait_for(
        lambda: (found := pool(fleet, group))["ready"] == size and found["starting"] == 0 and found,
        "the pool is filled",
    )


def spare_pid(fleet: Fleet, spare: str = "work_1") -> int:
    return int(fleet.tmux("display-message", "-p", "-t", f"={spare}:", "#{pane_pid}"))


def spares(fleet: Fleet) -> list[str]:
    return [session for session in fleet.sessions() if "_" in session]


def is_ready(fleet: Fleet, worker: str, pid: int) -> bool:
    found = fleet.worker(worker)
    return found["pid"] == pid and bool(found["ready"])


def test_a_crashed_worker_is_ready_again_at_once(fleet: Fleet) -> None:
    fleet.write({"work": slow(fleet)})
    fleet.start(settled=False)
    fleet.wait_for(lambda: fleet.worker("work-1")["ready"], "it has booted")
    filled(fleet)
    assert set(fleet.workers()) == {"work-1"}, "a spare is no worker"
    fleet.submit("work", [f"before-{n}" for n in range(20)])
    fleet.await_done("work", 20)
    spare = spare_pid(fleet)
    fleet.signal("work-1", signal.SIGKILL)
    killed = time.monotonic()
    fleet.wait_for(lambda: is_ready(fleet, "work-1", spare), "the spare is the worker")
    assert time.monotonic() - killed < BOOT / 2
    fleet.submit("work", [f"after-{n}" for n in range(20)])
    fleet.await_done("work", 40)
    assert len(ledger(fleet.folder)) == len(set(ledger(fleet.folder))) == 40
    (taken,) = fleet.events("taken")
    assert (taken["worker"], taken["spare"], taken["reason"]) == ("work-1", "work_1", "crashed")
    filled(fleet)
    assert (pool(fleet)["hits"], pool(fleet)["misses"]) == (1, 0)
    assert sorted(s for s in fleet.sessions() if s.startswith("work")) == ["work-1", "work_1"]
    assert spare_pid(fleet) != spare
    link = fleet.places.moving_pipes(fleet.run_of("work-1"))
    assert os.readlink(link) == "../work-1"
    assert sorted(p.name for p in fleet.places.pipes.iterdir() if p.name[0] != ".") == [
        "work-1",
        "work_1",
    ]


def test_what_it_prints_goes_to_its_own_log(fleet: Fleet) -> None:
    fleet.write({"work": ledger_task(fleet.folder, 1, pool=1)})
    fleet.start()
    filled(fleet)
    spare = spare_pid(fleet)
    fleet.signal("work-1", signal.SIGKILL)
    fleet.wait_for(lambda: is_ready(fleet, "work-1", spare), "the spare is the worker")
    (task,) = fleet.submit("work", ["loud"])
    fleet.await_done("work", 1)
    log = fleet.places.logs / "work-1.log"
    fleet.wait_for(lambda: f"task {task}" in log.read_text(), "it stands in the log")
    assert f"task {task}" not in (fleet.places.logs / "work_1.log").read_text()


def test_without_a_spare_it_starts_in_the_ordinary_way(fleet: Fleet) -> None:
    fleet.write({"work": slow(fleet)})
    fleet.start(settled=False)
    filled(fleet)
    spare = spare_pid(fleet)
    fleet.signal("work-1", signal.SIGKILL)
    fleet.wait_for(lambda: is_ready(fleet, "work-1", spare), "the spare is the worker")
    os.kill(spare, signal.SIGKILL)
    (miss,) = fleet.wait_for(lambda: fleet.events("pool_miss"), "the next spare still boots")
    assert miss["worker"] == "work-1"
    assert "spare" in miss["why"]
    found = pool(fleet)
    assert (found["hits"], found["misses"], found["last_miss"]) == (1, 1, miss["why"])
    filled(fleet)
    fleet.wait_for(lambda: fleet.worker("work-1")["ready"], "it is back")
    fleet.submit("work", ["one"])
    fleet.await_done("work", 1)


def test_a_worker_and_its_spare_die_together(fleet: Fleet) -> None:
    fleet.write({"work": slow(fleet, boot=0.1)})
    fleet.start(settled=False)
    for turn in range(3):
        filled(fleet)
        fleet.wait_for(lambda: fleet.worker("work-1")["ready"], "it is up")
        for pid in (fleet.worker("work-1")["pid"], spare_pid(fleet, spares(fleet)[0])):
            os.kill(pid, signal.SIGKILL)
        fleet.submit("work", [f"task-{turn}"])
        fleet.await_done("work", turn + 1)
    filled(fleet)
    assert len(spares(fleet)) == 1


def test_programs_without_fifos_are_taken_too(fleet: Fleet) -> None:
    fleet.write({"shell": idle(2, ready={"alive": "300ms"}, pool={"size": 2})})
    fleet.start()
    filled(fleet, 2, "shell")
    pids = {spare_pid(fleet, "shell_1"), spare_pid(fleet, "shell_2")}
    for worker in ("shell-1", "shell-2"):
        fleet.signal(worker, signal.SIGKILL)
    fleet.wait_for(lambda: set(fleet.pids().values()) == pids, "both spares serve")
    filled(fleet, 2, "shell")


def test_somebody_who_is_attached_keeps_the_session(fleet: Fleet) -> None:
    fleet.write({"shell": idle(pool={"size": 1})})
    fleet.start()
    filled(fleet, group="shell")
    fleet.tmux("set-option", "-g", "status", "off")
    before = fleet.tmux("display-message", "-p", "-t", "=shell-1:", "#{session_id}")
    with attached(fleet, "shell-1"):
        fleet.signal("shell-1", signal.SIGKILL)
        fleet.wait_for(lambda: fleet.events("pool_miss"), "no spare is taken")
        fleet.settle()
        assert fleet.tmux("display-message", "-p", "-t", "=shell-1:", "#{session_id}") == before
    (miss,) = fleet.events("pool_miss")
    assert "attached" in miss["why"]


@contextlib.contextmanager
def attached(fleet: Fleet, session: str) -> Iterator[None]:
    ours, theirs = pty.openpty()
    client = subprocess.Popen(
        ["tmux", "-u", "-S", str(fleet.places.tmux_socket), "attach", "-t", f"={session}"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**fleet.env, "TERM": "xterm"},
        start_new_session=True,
    )
    os.close(theirs)
    try:
        fleet.wait_for(
            lambda: (
                fleet.tmux("display-message", "-p", "-t", f"={session}:", "#{session_attached}")
                == "1"
            ),
            "somebody is attached",
        )
        yield
    finally:
        client.kill()
        client.wait()
        os.close(ours)


def test_spares_outlive_the_daemon(fleet: Fleet) -> None:
    fleet.write({"work": slow(fleet, 2, boot=0.2, pool={"size": 2})})
    fleet.start(settled=False)
    filled(fleet, 2)
    before = {spare_pid(fleet, "work_1"), spare_pid(fleet, "work_2")}
    fleet.kill9()
    fleet.start()
    filled(fleet, 2)
    assert {spare_pid(fleet, "work_1"), spare_pid(fleet, "work_2")} == before
    fleet.signal("work-2", signal.SIGKILL)
    fleet.wait_for(lambda: fleet.worker("work-2")["pid"] in before, "an adopted spare is taken")
    fleet.submit("work", [f"task-{n}" for n in range(50)])
    fleet.await_done("work", 50)


def test_a_taken_spare_is_adopted_as_the_worker(fleet: Fleet) -> None:
    fleet.write({"work": slow(fleet, boot=0.2)})
    fleet.start(settled=False)
    filled(fleet)
    spare = spare_pid(fleet)
    fleet.signal("work-1", signal.SIGKILL)
    fleet.wait_for(lambda: is_ready(fleet, "work-1", spare), "the spare is the worker")
    filled(fleet)
    pids = (fleet.pids(), spare_pid(fleet))
    fleet.kill9()
    fleet.start()
    filled(fleet)
    assert (fleet.pids(), spare_pid(fleet)) == pids
    fleet.submit("work", [f"task-{n}" for n in range(50)])
    fleet.await_done("work", 50)
    assert len(ledger(fleet.folder)) == 50


@pytest.mark.parametrize("point", POINTS)
def test_the_daemon_dies_in_the_middle_of_a_hand_over(fleet: Fleet, point: str) -> None:
    fleet.env["TMAX_FAILPOINT"] = point
    fleet.write({"work": slow(fleet, 2, boot=0.2)})
    fleet.start(settled=False)
    filled(fleet)
    spare = spare_pid(fleet)
    payloads = [f"task-{n}" for n in range(40)]
    fleet.signal("work-1", signal.SIGKILL)
    assert fleet.daemon is not None
    assert fleet.daemon.wait(30) == -signal.SIGKILL, "it died at the point"
    del fleet.env["TMAX_FAILPOINT"]
    fleet.start(settled=False)
    fleet.submit("work", payloads)
    fleet.await_done("work", 40)
    fleet.settle()
    filled(fleet)
    assert Counter(ledger(fleet.folder)) == Counter(payloads)
    assert fleet.worker("work-1")["pid"] == spare, "the hand-over was brought to its end"
    (new,) = spares(fleet)
    there = ["work-1", "work-2", new]
    assert sorted(s for s in fleet.sessions() if s.startswith("work")) == there
    assert sorted(p.name for p in fleet.places.pipes.iterdir() if p.name[0] != ".") == there


@pytest.mark.parametrize("point", ["pool.after_tmux", "pool.after_pipes"])
def test_it_dies_with_the_spare(fleet: Fleet, point: str) -> None:
    """The daemon dies in the middle, and before the next one comes, so does the spare."""
    fleet.env["TMAX_FAILPOINT"] = point
    fleet.write({"work": slow(fleet, boot=0.2)})
    fleet.start(settled=False)
    filled(fleet)
    spare = spare_pid(fleet)
    fleet.submit("work", ["hold-1"])
    fleet.wait_for(lambda: ledger(fleet.folder), "a task runs")
    fleet.signal("work-1", signal.SIGKILL)
    assert fleet.daemon is not None
    fleet.daemon.wait(30)
    os.kill(spare, signal.SIGKILL)
    (fleet.folder / "gate").touch()
    del fleet.env["TMAX_FAILPOINT"]
    fleet.start(settled=False)
    fleet.await_done("work", 1)
    fleet.settle()
    filled(fleet)
    (new,) = spares(fleet)
    assert sorted(s for s in fleet.sessions() if s.startswith("work")) == ["work-1", new]


def test_spares_follow_the_spec(fleet: Fleet) -> None:
    fleet.write({"work": slow(fleet, boot=0.1, pool={"size": 2}), "other": idle()})
    fleet.start(settled=False)
    filled(fleet, 2)
    old = {spare_pid(fleet, "work_1"), spare_pid(fleet, "work_2")}
    fleet.write({"work": slow(fleet, boot=0.15, pool={"size": 2}), "other": idle()})
    fleet.wait_for(
        lambda: len(fleet.events("stop", reason="spec_changed")) >= 3, "all are replaced"
    )
    filled(fleet, 2)
    assert not old & {spare_pid(fleet, "work_1"), spare_pid(fleet, "work_2")}
    fleet.write({"work": slow(fleet, boot=0.15, pool={"size": 0}), "other": idle()})
    fleet.wait_for(lambda: "work_1" not in fleet.sessions(), "the pool is gone")
    fleet.wait_for(lambda: "work_2" not in fleet.sessions(), "the pool is gone")
    fleet.wait_for(
        lambda: not any("_" in path.name for path in fleet.places.pipes.iterdir()), "its FIFOs too"
    )
    assert {p.name for p in (fleet.places.pipes / ".runs").iterdir()} == set()
    assert fleet.worker("work-1")["ready"]


def test_an_old_spare_is_replaced(fleet: Fleet) -> None:
    fleet.write({"shell": idle(pool={"size": 2, "max_age": "1s"})})
    fleet.start()
    filled(fleet, 2, "shell")
    old = {spare_pid(fleet, "shell_1"), spare_pid(fleet, "shell_2")}
    fleet.wait_for(lambda: len(fleet.events("stop", reason="aged")) >= 2, "both are replaced")
    filled(fleet, 2, "shell")
    assert not old & {spare_pid(fleet, "shell_1"), spare_pid(fleet, "shell_2")}
    first, second, *_ = fleet.events("stop", reason="aged")
    assert first["worker"] != second["worker"]
