"""A worker dies in mid-task (kill -9): the task is done all the same, once in the books."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.e2e.fleet import Fleet
from tests.e2e.marks import alive, marked
from tests.e2e.programs import deaf_once, ledger, ledger_serve, ledger_task, open_gate

RETRY = {"attempts": 3, "backoff": {"first": "100ms"}}


def busy_worker(fleet: Fleet, group: str) -> str:
    """Empty when there is none."""
    return next((name for name, w in fleet.workers(group).items() if w["running"]), "")


@pytest.mark.parametrize("kind", ["task", "serve"])
def test_the_task_of_a_killed_worker_goes_to_another(fleet: Fleet, kind: str) -> None:
    groups = {"task": ledger_task(fleet.folder, 2), "serve": ledger_serve(fleet.folder, 2)}
    fleet.write({"work": groups[kind]})
    fleet.start()
    (task,) = fleet.submit("work", ["hold"])
    victim = fleet.wait_for(lambda: busy_worker(fleet, "work"), "the task has begun")
    fleet.wait_for(lambda: ledger(fleet.folder) == ["hold"], "its command is at it")
    pid = fleet.signal(victim, signal.SIGKILL)
    open_gate(fleet.folder)
    fleet.await_done("work", 1)
    fleet.settle()
    again = fleet.worker(victim)
    assert again["pid"] != pid
    assert again["ready"]
    assert again["last_exit"] == "crashed: killed by SIGKILL"
    story = fleet.story(task)
    assert [a["outcome"] for a in story["attempts"]] == ["lost"]
    assert story["attempts"][0]["worker"] == victim
    assert story["task"]["state"] == "done"
    assert story["result"] == "HOLD"
    assert ledger(fleet.folder) == ["hold", "hold"]


def test_what_a_killed_worker_had_not_begun_costs_no_attempt(fleet: Fleet) -> None:
    """A window of frames waits unread in its FIFO when the worker dies."""
    fleet.write({"work": ledger_serve(fleet.folder, 1, window=8)})
    fleet.start()
    first, *rest = fleet.submit("work", ["hold", *"abcdefg"])
    fleet.wait_for(lambda: fleet.worker("work-1")["in_flight"] == 8, "it has its window")
    fleet.wait_for(lambda: fleet.worker("work-1")["running"] == [first], "it has begun one")
    fleet.signal("work-1", signal.SIGKILL)
    open_gate(fleet.folder)
    fleet.await_done("work", 8)
    attempts = {task: fleet.story(task)["task"]["attempt"] for task in [first, *rest]}
    assert attempts == {first: 2} | dict.fromkeys(rest, 1)


def test_only_the_task_is_killed(fleet: Fleet) -> None:
    """The runner lives on and says how its task ended; the task is tried again as the spec says."""
    fleet.write({"work": ledger_task(fleet.folder, 1, retry=RETRY)})
    fleet.start()
    pid = fleet.worker("work-1")["pid"]
    (task,) = fleet.submit("work", ["hold"])
    fleet.wait_for(lambda: ledger(fleet.folder), "the task has begun")
    run = f"TMAX_RUN={fleet.run_of('work-1')}"
    child = next(
        p.pid
        for p in marked(run)
        if p.argv.startswith("bash")
        and "task.sh hold" in p.argv
        and p.pid != pid
        and Path(f"/proc/{p.pid}/stat").read_text().split()[3] == str(pid)
    )
    os.kill(child, signal.SIGKILL)
    fleet.wait_for(lambda: len(ledger(fleet.folder)) == 2, "it is tried again")
    open_gate(fleet.folder)
    fleet.await_done("work", 1)
    story = fleet.story(task)
    (failed,) = story["attempts"]
    assert (failed["outcome"], failed["error"].split(":")[0]) == ("failed", "killed by SIGKILL")
    worker = fleet.worker("work-1")
    assert (worker["pid"], worker["restarts"]) == (pid, 0)


def test_workers_killed_while_tasks_flow(fleet: Fleet) -> None:
    """Each worker is killed three times under a stream of tasks that spawn no more than themselves."""
    fleet.write({"work": ledger_task(fleet.folder, 2), "more": ledger_serve(fleet.folder, 2, 8)})
    fleet.start()
    payloads = [f"task-{n}" for n in range(400)]
    for group in ("work", "more"):
        fleet.submit(group, payloads)
    for turn in range(3):
        for name in sorted(fleet.workers()):
            before = fleet.wait_for(lambda n=name: fleet.worker(n)["pid"], f"{name} lives")  # type: ignore[misc]
            os.kill(before, signal.SIGKILL)
            fleet.wait_for(
                lambda n=name, b=before: fleet.worker(n)["pid"] not in (None, b),  # type: ignore[misc]
                f"{name} is there again (turn {turn})",
            )
    for group in ("work", "more"):
        fleet.await_done(group, 400)
    assert set(ledger(fleet.folder)) == set(payloads)


def test_a_worker_that_never_answers_is_replaced(fleet: Fleet) -> None:
    """It hangs past the timeout of its task and ignores TERM; the daemon ends it, whole."""
    fleet.write(
        {"work": deaf_once(fleet.folder, timeout="300ms", retry=RETRY, stop={"after": "200ms"})}
    )
    fleet.start()
    pid = fleet.worker("work-1")["pid"]
    (task,) = fleet.submit("work", ["x"])
    fleet.await_done("work", 1)
    assert not alive(pid)
    assert fleet.worker("work-1")["last_exit"].startswith("task_timeout")
    assert len(fleet.story(task)["attempts"]) == 1
