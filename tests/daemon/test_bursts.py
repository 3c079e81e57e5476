"""Garbage costs the log a line in ten seconds, and each of it is counted there and in the status."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator

import pytest

from tests.daemon.test_fleet import daemon, facade_of
from tests.waiting import until
from tmaxd.daemon import bursts
from tmaxd.daemon.bursts import Bursts
from tmaxd.daemon.log import EventLog
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  echo: {serve: [prog], cwd: /sim, window: 8}
pipes: {inboxes: {box: {to: echo}}}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


class Said:
    def __init__(self) -> None:
        self.stream = io.StringIO()
        self.bursts = Bursts(EventLog(FakeClock(), self.stream, human=False), "bad", "worker")

    def lines(self) -> list[tuple[str, int, str]]:
        found = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        assert {line["event"] for line in found} <= {"bad"}
        return [(line["worker"], line["count"], line["why"]) for line in found]


def test_the_first_at_once_and_the_rest_as_a_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts, "EVERY", 0.02)

    async def scenario() -> None:
        said = Said()
        said.bursts.add("a", 1, why="first")
        for _ in range(1000):
            said.bursts.add("a", 2, why="more")
        said.bursts.add("b", 3, why="other")
        first = [("a", 1, "first"), ("b", 3, "other")]
        assert said.lines() == first
        await until(lambda: len(said.lines()) == 3, "the sum")
        assert said.lines() == [*first, ("a", 2000, "more")]
        await until(lambda: not said.bursts._going_on, "both have been quiet")
        said.bursts.add("a", 1, why="again")
        assert said.lines()[3:] == [("a", 1, "again")]

    asyncio.run(scenario())


def test_the_rest_is_said_at_the_end() -> None:
    async def scenario() -> None:
        said = Said()
        said.bursts.add("a", 1, why="x")
        said.bursts.add("a", 5, why="y")
        said.bursts.close()
        said.bursts.close()
        assert said.lines() == [("a", 1, "x"), ("a", 5, "y")]

    asyncio.run(scenario())


def test_a_flood_into_an_inbox_is_counted_and_logged_once(sim: Simulation) -> None:
    for _ in range(10):
        sim.do(lambda: sim.pipes.inbox_writes("box", b"\xff\n" * 100))
    assert daemon(sim).inboxes.rejected == 1000
    assert sim.log.getvalue().count("inbox line rejected") == 1
    sim.do(daemon(sim).inboxes.close)
    assert "inbox line rejected inbox=box count=999" in sim.log.getvalue()


def test_garbage_of_a_worker_is_logged_once_and_shown(sim: Simulation) -> None:
    for _ in range(10):
        sim.do(lambda: sim.pipes.worker_writes("echo-1", b"garbage\n" * 100))
    assert sim.log.getvalue().count("bad frames") == 1
    (worker,) = facade_of(sim).status().workers
    assert (worker.bad, worker.strays) == (1000, 0)
    sim.do(daemon(sim).executor.hearing.close)
    assert sim.log.getvalue().count("bad frames worker=echo-1") == 2


def test_strays_are_logged_once_and_shown(sim: Simulation) -> None:
    sim.submit("echo", 1)
    sim.settle()
    twice = {"t": "results", "tasks": [[1, 1, "again"], [1, 9, "no such attempt"], [7, 1, "no"]]}
    for _ in range(10):
        sim.do(lambda: sim.pipes.worker_writes("echo-1", json.dumps(twice).encode() + b"\n"))
    (worker,) = facade_of(sim).status().workers
    assert (worker.bad, worker.strays) == (0, 30)
    assert sim.log.getvalue().count("stray frames worker=echo-1") == 1
    daemon(sim).flow.close()
    assert sim.log.getvalue().count("stray frames worker=echo-1") == 2


def test_what_a_run_that_is_not_known_says_of_tasks_is_told(sim: Simulation) -> None:
    frames = b'{"t":"heartbeat"}\n{"t":"started","id":5,"attempt":1}\n'
    hearing = daemon(sim).executor.hearing
    daemon(sim).runs.live["echo-1"].run = "another"
    sim.do(lambda: hearing._on_results("echo-1", frames))
    assert "stray frames worker=echo-1 count=1" in sim.log.getvalue()
