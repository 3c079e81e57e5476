"""The task table as people see it: who has what, what waits for whom, and names that nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.api_client import serving
from tests.daemon.test_fleet import facade_of
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.names import is_slot, no_group, no_worker
from tmaxd.spec.load import Loaded, load
from tmaxd.tasks.records import Options, TaskFilter
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  check: {count: 2, task: [echo], cwd: /sim, balance: sticky}
  pull: {count: 2, task: [echo], cwd: /sim, layout: shared}
  shell: {run: [bash], cwd: /sim}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def listed(sim: Simulation, **filters: object) -> list[tuple[int, str, str | None]]:
    chosen = TaskFilter(**filters)  # type: ignore[arg-type]
    rows = sim.run(facade_of(sim).tasks(chosen))
    return [(row.id, row.state, row.worker) for row in rows]


def refusal(sim: Simulation, **filters: object) -> tuple[str, str]:
    with pytest.raises(Denied) as denied:
        listed(sim, **filters)
    return denied.value.reason, denied.value.message


# ------------------------------------------------------------------------------- who has what


def test_what_a_worker_has_from_a_shared_fifo_is_found_by_its_name(sim: Simulation) -> None:
    sim.submit("pull", 6)
    sim.one_pass()
    sim.do(sim.workers.read)
    first = [(1, "running", "pull-1")]
    assert listed(sim, worker="pull-1") == first
    assert listed(sim, worker="pull-2") == [(2, "running", "pull-2")]
    assert listed(sim, worker="pull-1", states=("running",), limit=1) == first
    assert listed(sim, worker="pull-1", group="pull", states=("running", "done")) == first
    assert listed(sim, worker="pull-1", states=("sent",)) == []
    assert listed(sim, worker="pull-2", before=2) == []
    assert listed(sim, worker="pull-2", group="check") == []
    sim.do(sim.workers.finish)
    sim.do(sim.workers.read)
    sim.one_pass()
    third = (3, "running", "pull-1")
    assert listed(sim, worker="pull-1") == [third, (1, "done", "pull-1")]
    assert listed(sim, worker="pull-1", limit=1) == [third]
    assert listed(sim, worker="pull-1", before=3) == [(1, "done", "pull-1")]


def waits(sim: Simulation) -> dict[int, str | None]:
    rows = sim.run(facade_of(sim).tasks(TaskFilter(group="check")))
    stories = {row.id: sim.run(facade_of(sim).story(row.id)) for row in rows}
    for row in rows:
        story = stories[row.id]
        assert story is not None
        assert story.task.waits_for == row.waits_for
    return {row.id: row.waits_for for row in rows}


def test_who_waits_for_one_certain_worker_says_so(sim: Simulation) -> None:
    sim.submit("check", 3, Options(affinity="a"))
    sim.one_pass()
    owner = next(row[2] for row in listed(sim, group="check") if row[0] == 1)
    assert owner is not None
    assert waits(sim) == {1: None, 2: owner, 3: owner}
    sim.settle()
    assert waits(sim) == {1: None, 2: None, 3: None}


# --------------------------------------------------------------------------- names nobody knows


def test_a_group_that_nobody_knows_is_refused(sim: Simulation) -> None:
    assert refusal(sim, group="chekc") == (
        "unknown_group", "no group chekc, did you mean check?; groups: check, pull, shell",
    )  # fmt: skip
    assert listed(sim, group="check") == listed(sim, group="shell") == []


def test_a_group_that_only_the_disk_knows_is_not(sim: Simulation) -> None:
    sim.submit("pull", 1)
    sim.settle()
    sim.edit(SPEC.replace("pull", "push"))
    sim.reload()
    sim.settle()
    assert listed(sim, group="pull") == [(1, "done", "pull-1")]
    sim.crash()
    sim.start()
    assert listed(sim, group="pull") == [(1, "done", "pull-1")]
    assert refusal(sim, group="pulls")[1].startswith("no group pulls, did you mean pull?; ")


def test_a_worker_that_nobody_knows_is_refused(sim: Simulation) -> None:
    reason, message = refusal(sim, worker="chekc-1")
    assert reason == "unknown_worker"
    assert message == (
        "no worker chekc-1, did you mean check-1?; "
        "workers: check-1 to check-2, pull-1 to pull-2, shell-1"
    )
    for worker in ("check-3", "check-0", "check-01", "check", "", "check-²", "9" * 5000):
        assert refusal(sim, worker=worker)[0] == "unknown_worker"
    assert listed(sim, worker="check-2") == listed(sim, worker="shell-1") == []


def test_a_worker_that_only_the_disk_knows_is_not(sim: Simulation) -> None:
    sim.submit("pull", 2)
    sim.settle()
    sim.edit(SPEC.replace("pull: {count: 2", "pull: {count: 1"))
    sim.reload()
    sim.settle()
    assert listed(sim, worker="pull-2") == [(2, "done", "pull-2")]
    assert listed(sim, worker="pull-2", states=("dead",)) == []


def test_lists_of_names_are_short() -> None:
    groups = "".join(f"  g{n}: {{run: [sleep]}}\n" for n in range(30))
    text = f"version: 1\nfleet: f\nworkers:\n{groups}".encode()
    loaded = load(Path("/tmax.yaml"), lambda _: text, {}, "/")
    assert isinstance(loaded, Loaded)
    spec = loaded.spec
    assert no_group("x" * 500, spec).endswith("g18, g19 and 10 more")
    assert len(no_worker("x" * 500, spec)) < 400
    assert is_slot("g29-1", spec)
    assert not is_slot("g29-2", spec)


def test_a_cancel_of_a_group_that_nobody_knows_is_refused_before_the_answer_begins() -> None:
    async def body() -> None:
        async with serving() as client:
            client.fleet.broken = Denied("unknown_group", "no group x")
            for verb in ("cancel", "retry"):
                refused = await client.refused("POST", f"/v1/{verb}", json={"group": "x"})
                assert refused == (404, "unknown_group", "no group x")
            refused = await client.refused("GET", "/v1/tasks?worker=x")
            assert refused == (404, "unknown_group", "no group x")

    asyncio.run(body())
