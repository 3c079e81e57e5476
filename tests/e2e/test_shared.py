"""Groups whose workers share one tasks FIFO: each task is done once, whoever dies, and whatever the spec says next."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections import Counter
from functools import partial

import pytest

from tests.e2e.fleet import Fleet, Json
from tests.e2e.programs import ledger, ledger_serve, ledger_task, open_gate
from tmaxd.ctl.errors import CtlError, NoDaemon

KINDS = ["task", "serve"]
TASKS = [f"task-{n}" for n in range(500)]


def group_of(kind: str, fleet: Fleet, count: int = 4, layout: str = "shared") -> Json:
    if kind == "task":
        return ledger_task(fleet.folder, count, layout=layout)
    return ledger_serve(fleet.folder, count, window=8, layout=layout)


def each_once(fleet: Fleet, payloads: list[str]) -> None:
    found, wanted = Counter(ledger(fleet.folder)), Counter(payloads)
    odd = (wanted - found) + (found - wanted)
    if odd:
        stories = [fleet.story(row["id"]) for row in fleet.rows("work")]
        told = [story for story in stories if story["payload"] in odd]
        logs = [file.read_text() for file in fleet.places.logs.glob("work-*")]
        raise AssertionError(f"missing: {wanted - found}, too often: {found - wanted}", told, logs)


def _answers(fleet: Fleet) -> bool:
    try:
        return bool(fleet.status())
    except NoDaemon:
        return False


def _cancelled(fleet: Fleet, count: int) -> bool:
    return len(fleet.rows("work", "cancelled")) == count


def running(fleet: Fleet) -> set[int]:
    return {task for worker in fleet.workers().values() for task in worker["running"]}


@pytest.mark.parametrize("kind", KINDS)
def test_each_task_is_done_once_and_everybody_works(fleet: Fleet, kind: str) -> None:
    fleet.write({"work": group_of(kind, fleet)})
    fleet.start()
    fleet.submit("work", TASKS)
    fleet.await_done("work", 500)
    each_once(fleet, TASKS)
    rows = fleet.rows("work")
    assert {row["worker"] for row in rows} == {f"work-{n}" for n in range(1, 5)}
    assert all(row["attempt"] == 1 for row in rows)
    assert fleet.events("send_failed") == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_killed_in_mid_task(fleet: Fleet, kind: str) -> None:
    """Its task is done by another; what stood in the FIFO is done once."""
    fleet.write({"work": group_of(kind, fleet, 2)})
    fleet.start()
    payloads = ["hold-1", "hold-2", *TASKS[:40]]
    first, second, *rest = fleet.submit("work", payloads)
    fleet.wait_for(lambda: running(fleet) == {first, second}, "both hold one")
    fleet.wait_for(lambda: len(ledger(fleet.folder)) == 2, "both are at it")
    assert fleet.group("work")["sent"] > 0, "the rest stands in the FIFO"
    workers = fleet.workers("work")
    victim = next(name for name, worker in workers.items() if worker["running"] == [first])
    fleet.signal(victim, signal.SIGKILL)
    fleet.wait_for(lambda: "hold-1" in ledger(fleet.folder)[2:], "another one has begun it")
    open_gate(fleet.folder)
    fleet.await_done("work", len(payloads))
    each_once(fleet, [*payloads, "hold-1"])
    (attempt,) = fleet.story(first)["attempts"]
    assert (attempt["outcome"], attempt["worker"]) == ("lost", victim)
    assert all(fleet.story(task)["task"]["attempt"] == 1 for task in [second, *rest])


@pytest.mark.parametrize("kind", KINDS)
def test_workers_killed_while_tasks_flow(fleet: Fleet, kind: str) -> None:
    """Killed anywhere, also between the taking of a record and the word of it: nothing is lost, and what is done
    twice was lost with a worker."""
    fleet.write({"work": group_of(kind, fleet, 3)})
    fleet.start()
    ids = fleet.submit("work", TASKS)
    dice = random.Random(7)
    for turn in range(6):
        name = f"work-{turn % 3 + 1}"
        pid = fleet.wait_for(lambda n=name: fleet.worker(n)["pid"], f"{name} lives")  # type: ignore[misc]
        time.sleep(dice.random() * 0.05)  # the instant of death is what is tried
        os.kill(pid, signal.SIGKILL)
    fleet.await_done("work", 500)
    assert set(ledger(fleet.folder)) == set(TASKS)
    lost = sum(len(fleet.story(task)["attempts"]) for task in ids)
    assert len(ledger(fleet.folder)) <= 500 + lost <= 500 + 6 * 8


@pytest.mark.parametrize("kind", KINDS)
def test_the_daemon_is_killed_and_comes_back(fleet: Fleet, kind: str) -> None:
    """The workers go on pulling while there is none; no task is done twice."""
    fleet.write({"work": group_of(kind, fleet)})
    fleet.start()
    pids = fleet.pids()
    holds = [f"hold-{n}" for n in range(4)]
    fleet.submit("work", [*holds, *TASKS[:196]])
    fleet.wait_for(lambda: len(running(fleet)) == 4, "all hold one")
    fleet.kill9()
    open_gate(fleet.folder)
    fleet.wait_for(lambda: len(ledger(fleet.folder)) > 4, "they go on with what is in the FIFO")
    fleet.start()
    fleet.await_done("work", 200)
    each_once(fleet, [*holds, *TASKS[:196]])
    assert fleet.pids() == pids
    assert all(row["attempt"] == 1 for row in fleet.rows("work"))


@pytest.mark.parametrize(("kind", "seed"), [("task", 1), ("serve", 2)])
def test_the_daemon_is_killed_again_and_again(fleet: Fleet, kind: str, seed: int) -> None:
    dice = random.Random(seed)
    fleet.write({"work": group_of(kind, fleet, 3)})
    fleet.start()
    pids = fleet.pids()
    for turn in range(8):
        fleet.submit("work", TASKS[turn * 60 : turn * 60 + 60])
        time.sleep(dice.random() * 0.15)  # likewise
        fleet.kill9()
        fleet.start(settled=False)
    fleet.await_done("work", 480)
    each_once(fleet, TASKS[:480])
    assert fleet.pids() == pids


@pytest.mark.parametrize("point", ["pipes.before_send", "pipes.take_back_shared"])
def test_a_daemon_that_dies_between_the_lease_and_the_write_costs_no_attempt(
    fleet: Fleet, point: str
) -> None:
    """However often; a worker that lives on shows that it was none that died."""
    fleet.write({"work": {**group_of("serve", fleet, 1), "retry": {"attempts": 1}}})
    fleet.start()
    pids = fleet.pids()
    fleet.stop()
    for turn in range(4):
        fleet.env["TMAX_FAILPOINT"] = "pipes.before_send" if turn == 0 else point
        daemon = fleet.daemon = fleet.spawn()
        if turn == 0:
            fleet.wait_for(partial(_answers, fleet), "the API answers")
            with contextlib.suppress(CtlError):  # it may die before it has answered
                fleet.submit("work", TASKS[:5])
        assert daemon.wait(30.0) == -signal.SIGKILL, fleet.tail()
    del fleet.env["TMAX_FAILPOINT"]
    fleet.start()
    fleet.await_done("work", 5)
    each_once(fleet, TASKS[:5])
    stories = [fleet.story(row["id"]) for row in fleet.rows("work")]
    assert {a["outcome"] for story in stories for a in story["attempts"]} <= {"unsent", "returned"}
    assert fleet.pids() == pids
    assert fleet.events("send_failed") == []


def test_daemon_and_all_workers_die(fleet: Fleet) -> None:
    """The FIFO is gone with what was in it; the books know what was there."""
    fleet.write({"work": group_of("serve", fleet, 2)})
    fleet.start()
    payloads = ["hold-1", "hold-2", *TASKS[:50]]
    fleet.submit("work", payloads)
    fleet.wait_for(lambda: len(running(fleet)) == 2, "both hold one")
    fleet.wait_for(lambda: len(ledger(fleet.folder)) == 2, "both are at it")
    pids = fleet.pids()
    fleet.kill9()
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    open_gate(fleet.folder)
    fleet.start()
    fleet.await_done("work", len(payloads))
    assert set(ledger(fleet.folder)) == set(payloads)
    assert len(ledger(fleet.folder)) == len(payloads) + 2, "those that had begun"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layouts", [("shared", "dedicated"), ("dedicated", "shared")])
def test_the_layout_is_changed_while_tasks_wait(
    fleet: Fleet, kind: str, layouts: tuple[str, str]
) -> None:
    """One worker after the other is replaced when it holds nothing; what stands in the FIFO goes back meanwhile."""
    before, after = layouts
    fleet.write({"work": group_of(kind, fleet, 3, before)})
    fleet.start()
    pids = set(fleet.pids().values())
    holds = [f"hold-{n}" for n in range(3)]
    fleet.submit("work", [*holds, *TASKS[:297]])
    fleet.wait_for(lambda: len(running(fleet)) == 3, "all hold one")
    fleet.write({"work": group_of(kind, fleet, 3, after)})
    fleet.wait_for(lambda: len(fleet.events("spec_applied")) == 2, "it is in force")
    open_gate(fleet.folder)
    fleet.await_done("work", 300)
    each_once(fleet, [*holds, *TASKS[:297]])
    fleet.settle()
    assert not pids & set(fleet.pids().values())
    assert all(worker["ready"] for worker in fleet.workers().values())
    shared = fleet.places.shared_tasks("work")
    assert shared.exists() == (after == "shared")
    stories = [fleet.story(row["id"]) for row in fleet.rows("work")]
    assert {a["outcome"] for story in stories for a in story["attempts"]} <= {"unsent", "returned"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_is_replaced_takes_no_more(fleet: Fleet, kind: str) -> None:
    """A changed environment reaches one worker after the other under a stream of tasks; none is interrupted."""
    group = group_of(kind, fleet, 2)
    fleet.write({"work": group})
    fleet.start()
    pids = set(fleet.pids().values())
    fleet.submit("work", TASKS)
    fleet.write({"work": group | {"env": {**group.get("env", {}), "CHANGED": "1"}}})
    fleet.wait_for(lambda: not pids & set(fleet.pids().values()), "both are replaced")
    fleet.await_done("work", 500)
    each_once(fleet, TASKS)
    assert all(not fleet.story(row["id"])["attempts"] for row in fleet.rows("work"))


def test_cancelled_in_the_fifo_and_in_a_worker(fleet: Fleet) -> None:
    fleet.write({"work": group_of("serve", fleet, 1)})
    fleet.start()
    runs, waits, other = fleet.submit("work", ["hold-1", "x", "y"])
    fleet.wait_for(lambda: running(fleet) == {runs}, "it holds one")
    for cancelled, task in enumerate([waits, runs], 1):
        verdicts = dict(fleet.api.judge("cancel", {"ranges": [[task, 1]]}))
        assert verdicts == {task: "cancelling"}
        ended = partial(_cancelled, fleet, cancelled)
        fleet.wait_for(ended, "it has ended")
    fleet.wait_for(lambda: fleet.rows("work", "done"), "the third is done")
    assert ledger(fleet.folder) == ["hold-1", "y"]
    assert fleet.story(other)["task"]["attempt"] == 1
