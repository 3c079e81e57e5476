"""Changes under fire: the daemon dies in each phase of one, orders contradict each other, tasks flow all the while.
No task is lost, none is done twice, and the fleet comes to what the file says."""

from __future__ import annotations

import json
import random
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest

from tests.e2e.fleet import ROOT, Fleet, Json
from tests.e2e.programs import idle
from tmaxd.ctl.errors import CtlError

SLEEPY = """\
import os, sys, time
from tmaxd.worker import serve

# One write each, so that lines of several workers never mix.
ledger = os.open(sys.argv[1] + "/ledger", os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def handle(task):
    os.write(ledger, f"begun {task.payload} {os.getpid()}\\n".encode())
    time.sleep(0.002)
    os.write(ledger, f"ended {task.payload} {os.getpid()}\\n".encode())
    return task.payload

serve(handle, window=4)
"""

PHASES = [
    "processes.before_signal",
    "processes.after_signal",
    "pipes.take_back",
    "tmux.before_launch",
    "tmux.after_launch",
    "pipes.before_send",
    "pipes.after_send:3",
    "pipes.after_read:2",
    "journal.before_commit:3",
    "journal.after_commit:6",
]
"""Fail points, in the order in which a worker's replacement passes them, and (the last five) those of the tasks that
flow meanwhile."""


def work(fleet: Fleet, count: int, mark: str, **rollout: object) -> Json:
    """Workers that write down when they begin a task and when they are done with it."""
    program = fleet.folder / "sleepy.py"
    if not program.exists():
        program.write_text(SLEEPY)
    return {
        "count": count,
        "serve": [sys.executable, str(program), str(fleet.folder)],
        "env": {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1", "MARK": mark},
        "retry": {"attempts": 1},
        "rollout": {"healthy_for": "20ms", **rollout},
    }


def check_ledger(fleet: Fleet, payloads: list[str]) -> None:
    """Each task was begun once and ended once, by one worker."""
    lines = [line.split() for line in (fleet.folder / "ledger").read_text().splitlines()]
    begun = Counter(payload for word, payload, _ in lines if word == "begun")
    ended = Counter(payload for word, payload, _ in lines if word == "ended")
    assert set(begun) == set(payloads), "a task was never begun, or is none of ours"
    assert not {p: n for p, n in begun.items() if n > 1}, "begun more than once"
    assert begun == ended


@pytest.mark.parametrize("phase", PHASES)
def test_the_daemon_dies_in_the_middle_of_a_change(fleet: Fleet, phase: str) -> None:
    """The first daemon brings the fleet up; the second, which finds a change in the file, dies in that phase of it; the
    third brings it to its end."""
    fleet.write({"w": work(fleet, 2, "one"), "calm": idle(2)})
    fleet.start()
    before = {name: w["run"] for name, w in fleet.workers().items()}
    fleet.stop()
    fleet.write({"w": work(fleet, 2, "two"), "calm": idle(2)})
    fleet.env["TMAX_FAILPOINT"] = phase
    payloads = [f"task-{n}" for n in range(60)]
    fleet.daemon = fleet.spawn()
    submitter = threading.Thread(target=_submit_to_whoever_is_there, args=(fleet, payloads))
    submitter.start()
    try:
        status = fleet.daemon.wait(30)
        del fleet.env["TMAX_FAILPOINT"]
        assert status == -9, f"it has not come to {phase}"
        fleet.start(settled=False)
    finally:
        fleet.env.pop("TMAX_FAILPOINT", None)
        submitter.join()
    fleet.settle()
    fleet.await_done("w", len(payloads))
    check_ledger(fleet, payloads)
    after = fleet.workers()
    assert all(not w["outdated"] for w in after.values())
    assert all(after[name]["run"] != before[name] for name in ("w-1", "w-2"))
    assert all(after[name]["run"] == before[name] for name in ("calm-1", "calm-2"))


def _submit_to_whoever_is_there(fleet: Fleet, payloads: list[str]) -> None:
    """With a key each, so that a repeated submit of what a daemon took before it died is no other task."""
    for payload in payloads:
        fleet.wait_for(partial(_taken, fleet, payload), f"{payload} is taken")


def _taken(fleet: Fleet, payload: str) -> bool:
    try:
        fleet.api.submit("w", [json.dumps(payload).encode() + b"\n"], {"key": payload})
    except CtlError:
        return False
    return True


def test_a_rolling_change_while_tasks_flow(fleet: Fleet) -> None:
    """Twenty workers, four at a time, and the file is edited once more before the first change is over."""
    fleet.write({"w": work(fleet, 20, "one", max_unavailable=4)})
    fleet.start()
    before = {name: w["run"] for name, w in fleet.workers().items()}
    stop, payloads = threading.Event(), [f"task-{n}" for n in range(100_000)]
    sent: list[str] = []

    def flow() -> None:
        while not stop.is_set():
            batch = payloads[len(sent) : len(sent) + 20]
            fleet.submit("w", batch)
            sent.extend(batch)
            stop.wait(0.02)

    with ThreadPoolExecutor(1) as pool:
        flowing = pool.submit(flow)
        try:
            fleet.wait_for(lambda: fleet.group("w")["done"] > 100, "tasks flow")
            fleet.write({"w": work(fleet, 20, "two", max_unavailable=4)})
            fleet.wait_for(
                lambda: len(fleet.events("started", reason="spec_changed")) >= 5, "it has begun"
            )
            fleet.write({"w": work(fleet, 20, "three", max_unavailable=4)})
            fleet.settle()
        finally:
            stop.set()
            flowing.result()
    fleet.await_done("w", len(sent))
    check_ledger(fleet, sent)
    after = fleet.workers()
    assert all(w["run"] != before[name] and not w["outdated"] for name, w in after.items())
    assert most_down(fleet, 20) <= 4
    assert {row["attempt"] for row in fleet.rows("w")} == {1}


def most_down(fleet: Fleet, count: int) -> int:
    """The most workers that were without a process at one instant, after all had one."""
    alive: set[str] = set()
    most, whole = 0, False
    for event in fleet.events():
        if event["event"] == "started":
            alive.add(event["worker"])
        elif event["event"] == "ended":
            alive.discard(event["worker"])
        whole = whole or len(alive) == count
        if whole:
            most = max(most, count - len(alive))
    return most


def test_orders_that_contradict_each_other(fleet: Fleet) -> None:
    """Two operators give orders about the same workers in the same instant, again and again: what holds in the end is
    what was ordered last, for each of them, and a killed daemon does not change it."""
    fleet.write({"w": idle(3)})
    fleet.start()
    dice = random.Random(4)
    for _ in range(6):
        orders = [
            {"do": dice.choice(["stop", "start", "restart", "drain"]), "targets": [target]}
            for target in ("w", "w-2", "w")
        ]
        with ThreadPoolExecutor(len(orders)) as pool:
            list(pool.map(lambda order: fleet.api.post("/v1/order", body=order), orders))
        if dice.random() < 0.5:
            fleet.kill9()
            fleet.start(settled=False)
        fleet.settle()
        wanted = last_words(fleet)
        assert {name: w["state"] for name, w in fleet.workers().items()} == wanted


def last_words(fleet: Fleet) -> dict[str, str]:
    """Worker to the state that the orders lead to, one after the other as they stand in the log."""
    states = dict.fromkeys(("w-1", "w-2", "w-3"), "running")
    for event in fleet.events("ordered"):
        stops = event["order"] in ("stop", "drain")
        for target in event["targets"]:
            for worker in states if target == "w" else (target,):
                states[worker] = "stopped" if stops else "running"
    return states


def test_the_daemon_dies_at_random_instants_of_a_change(fleet: Fleet) -> None:
    """Five edits, each with a death somewhere in it; what lives is taken over, and what is left is changed."""
    dice = random.Random(7)
    fleet.write({"w": work(fleet, 3, "0"), "calm": idle(2)})
    fleet.start()
    calm = {name: w["run"] for name, w in fleet.workers("calm").items()}
    payloads = [f"task-{n}" for n in range(100)]
    submitter = threading.Thread(target=_submit_to_whoever_is_there, args=(fleet, payloads))
    submitter.start()
    try:
        for turn in range(1, 6):
            fleet.write({"w": work(fleet, 3, str(turn)), "calm": idle(2)})
            time.sleep(dice.random() * 0.6)  # the instant of death is what is being tried
            fleet.kill9()
            fleet.start(settled=False)
    finally:
        submitter.join()
    fleet.settle()
    fleet.await_done("w", len(payloads))
    check_ledger(fleet, payloads)
    assert all(not w["outdated"] for w in fleet.workers().values())
    assert {name: w["run"] for name, w in fleet.workers("calm").items()} == calm
