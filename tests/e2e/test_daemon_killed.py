"""The daemon dies at any instant (kill -9): the next one adopts what lives, and no task is lost or done twice
over in the books."""

from __future__ import annotations

import random
import time

import pytest

from tests.e2e.fleet import Fleet, Json
from tests.e2e.programs import ledger, ledger_serve, ledger_task, open_gate

PAYLOADS = [f"hold-{n}" for n in range(4)] + [f"task-{n}" for n in range(196)]


def group_of(kind: str, fleet: Fleet, count: int) -> Json:
    if kind == "task":
        return ledger_task(fleet.folder, count)
    return ledger_serve(fleet.folder, count, window=4)


@pytest.mark.parametrize("kind", ["task", "serve"])
def test_adopts_the_workers_and_finishes_every_task(fleet: Fleet, kind: str) -> None:
    fleet.write({"work": group_of(kind, fleet, 4)})
    fleet.start()
    before = fleet.workers()
    ids = fleet.submit("work", PAYLOADS)
    fleet.wait_for(lambda: fleet.group("work")["running"] == 4, "four tasks run")
    fleet.kill9()
    open_gate(fleet.folder)  # what ends now ends while nobody listens
    fleet.wait_for(lambda: len(ledger(fleet.folder)) >= 4, "the four have begun")
    fleet.start()
    fleet.await_done("work", 200)
    after = fleet.workers()
    assert {k: (w["pid"], w["run"]) for k, w in after.items()} == {
        k: (w["pid"], w["run"]) for k, w in before.items()
    }
    assert all(w["restarts"] == 0 for w in after.values())
    assert len(fleet.events("adopted")) == 4
    assert sorted(row["id"] for row in fleet.rows("work", "done")) == ids
    assert set(ledger(fleet.folder)) == set(PAYLOADS)
    assert len(ledger(fleet.folder)) == 200  # healthy workers: nothing needed to be done twice


@pytest.mark.parametrize(("kind", "seed"), [("task", 1), ("serve", 2)])
def test_killed_again_and_again(fleet: Fleet, kind: str, seed: int) -> None:
    """Ten deaths at random instants while 600 tasks flow."""
    dice = random.Random(seed)
    fleet.write({"work": group_of(kind, fleet, 3)})
    fleet.start()
    pids = fleet.pids()
    payloads = [f"task-{n}" for n in range(600)]
    ids: list[int] = []
    for turn in range(10):
        ids += fleet.submit("work", payloads[turn * 60 : turn * 60 + 60])
        time.sleep(
            dice.random() * 0.15
        )  # the instant of death is what is being tried, not waited for
        fleet.kill9()
        fleet.start(settled=False)
    fleet.await_done("work", 600)
    assert sorted(row["id"] for row in fleet.rows("work", "done")) == ids
    assert set(ledger(fleet.folder)) == set(payloads)
    assert len(ledger(fleet.folder)) == 600
    assert fleet.pids() == pids


def start_killed_again_and_again(fleet: Fleet) -> None:
    dice = random.Random(3)
    fleet.write(
        {"work": ledger_task(fleet.folder, 6), "idle": {"count": 6, "run": ["sleep", "1e6"]}}
    )
    for _ in range(8):
        fleet.daemon = fleet.spawn()
        time.sleep(0.05 + dice.random() * 0.35)  # likewise
        fleet.kill9()
    fleet.start()


def test_killed_while_it_starts(fleet: Fleet) -> None:
    """A daemon that dies anywhere between its exec and its first settled pass leaves nothing that the next one
    cannot take over: each worker exists once, and only once."""
    start_killed_again_and_again(fleet)
    names = [f"{group}-{n}" for group in ("idle", "work") for n in range(1, 7)]
    assert sorted(s for s in fleet.sessions() if s in names) == names
    assert len({w["pid"] for w in fleet.workers().values()}) == 12
    assert fleet.status()["foreign"] == []


def test_tasks_flow_after_starts_that_were_killed(fleet: Fleet) -> None:
    start_killed_again_and_again(fleet)
    fleet.submit("work", ["a", "b", "c"])
    fleet.await_done("work", 3)
