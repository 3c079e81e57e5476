"""Routes that hand on the payload of the task that ended do so however long it is, and however the task ended."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.daemon.test_fleet import daemon
from tmaxd.tasks.records import HELD_PAYLOAD
from tmaxd.testing.simulation import PLACES, Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  echo: {serve: [prog], cwd: /sim, window: 8, LAYOUT}
  last: {serve: [prog], cwd: /sim, count: 1}
pipes:
  routes: [{from: echo, to: last, when: any, payload: "{payload}"}]
"""

LONG = "x" * (HELD_PAYLOAD + 1)


@pytest.fixture(params=["dedicated", "shared"])
def sim(request: pytest.FixtureRequest) -> Iterator[Simulation]:
    made = Simulation(SPEC.replace("LAYOUT", f"layout: {request.param}"))
    made.start()
    made.settle()
    made.workers.deaf.add("echo-1")
    made.do(lambda: daemon(made).flow.submit(("echo",), [LONG]))
    yield made
    made.close()


def says(sim: Simulation, kind: str, **fields: object) -> None:
    frame = {"t": kind, "id": 1, "attempt": 1, **fields}
    sim.do(lambda: sim.pipes.worker_writes("echo-1", json.dumps(frame).encode() + b"\n"))


def routed(sim: Simulation) -> None:
    sim.workers.deaf.clear()
    sim.settle()
    assert sim.journal.disk.entries[2].payload == LONG
    assert sim.workers.finished[2] == 1
    assert not sim.files.payloads, "none is left"


@pytest.mark.parametrize("kind", ["done", "failed"])
@pytest.mark.parametrize("replaced", [False, True])
def test_it_goes_on_when_its_task_ends(sim: Simulation, kind: str, replaced: bool) -> None:
    if replaced:
        sim.crash()
        sim.start()
        sim.one_pass()
    assert sim.files.payloads == {f"{PLACES.payloads}/1.payload": LONG}
    says(sim, kind, **({"result": "r"} if kind == "done" else {"error": "no"}))
    routed(sim)


def test_it_goes_on_when_its_worker_dies(sim: Simulation) -> None:
    says(sim, "started")
    for attempt in range(1, 4):
        sim.do(lambda: sim.tmux.die("echo-1", None, 9))
        for _ in range(40):
            sim.one_pass()
            sim.advance(10.0)
            if 2 in sim.journal.disk.entries:
                break
        says(sim, "started", attempt=attempt + 1)
    assert sim.journal.disk.entries[1].row.state == "dead"
    routed(sim)
