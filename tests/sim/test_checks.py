"""Readiness and health in a whole daemon, over its deaths."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tmaxd.daemon.runs import LiveRun
from tmaxd.ports.probes import Answer
from tmaxd.testing.probes import GOOD, HANGS
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  db: {run: [db], cwd: /sim, ready: {tcp: "127.0.0.1:1", within: 20s}}
  shell: {run: [sh], cwd: /sim, ready: {output: "\\\\$ $"}, health: {exec: [ask], every: 2s, failures: 2}}
  work: {task: [echo], cwd: /sim, ready: {alive: 3s}}
"""
BAD = Answer(False, "connection refused")
ASK = ("ask",)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.probes.answers["127.0.0.1:1"] = BAD
    made.start()
    made.one_pass()
    yield made
    made.close()


def live(sim: Simulation, worker: str) -> LiveRun:
    assert sim.fleet is not None
    return sim.fleet.runs.live[worker]


def spend(sim: Simulation, seconds: float) -> None:
    for _ in range(int(seconds * 4)):
        sim.advance(0.25)
        sim.do(sim.workers.read)
        sim.do(sim.workers.finish)
        sim.one_pass()


def test_each_in_its_own_way(sim: Simulation) -> None:
    sim.submit("work", 1)
    spend(sim, 2)
    assert [live(sim, name).ready for name in ("db-1", "shell-1", "work-1")] == [False] * 3
    assert live(sim, "work-1").said, "but its check is not passed"
    spend(sim, 2)
    assert live(sim, "work-1").ready
    sim.outputs.write("shell-1", b"$ ")
    sim.probes.answers["127.0.0.1:1"] = GOOD
    spend(sim, 3)
    assert live(sim, "db-1").ready
    assert (live(sim, "shell-1").ready, live(sim, "shell-1").healthy) == (True, True)
    sim.settle()
    assert sim.fleet is not None
    view = sim.do(sim.fleet.flow.view)
    assert view.groups["work"].done == 1


def test_who_is_not_ready_in_time_is_started_again(sim: Simulation) -> None:
    first = live(sim, "db-1").run
    spend(sim, 25)
    assert live(sim, "db-1").run != first
    assert "reason=not_ready" in sim.log.getvalue()
    sim.probes.answers["127.0.0.1:1"] = GOOD
    spend(sim, 5)
    assert live(sim, "db-1").ready


def test_who_hangs_is_started_again(sim: Simulation) -> None:
    sim.outputs.write("shell-1", b"$ ")
    spend(sim, 3)
    first = live(sim, "shell-1").run
    sim.probes.answers[ASK] = HANGS
    spend(sim, 14)
    sim.probes.answers[ASK] = GOOD
    assert "reason=unhealthy" in sim.log.getvalue()
    spend(sim, 15)
    assert live(sim, "shell-1").run != first
    assert not live(sim, "shell-1").ready, "the prompt of the run before is not its own"


def test_the_next_daemon_knows_who_was_ready_and_asks_the_others(sim: Simulation) -> None:
    sim.outputs.write("shell-1", b"$ ")
    spend(sim, 4)
    runs = {name: live(sim, name).run for name in ("db-1", "shell-1", "work-1")}
    sim.crash()
    sim.clock.advance(100)
    sim.outputs.write("shell-1", b"exit\n" * 100)
    sim.start()
    sim.one_pass()
    sim.one_pass()
    assert {name: live(sim, name).run for name in runs} == runs
    assert live(sim, "shell-1").ready
    assert live(sim, "work-1").ready
    assert not live(sim, "db-1").ready
    spend(sim, 15)
    assert live(sim, "db-1").run == runs["db-1"], "its time counts from when it can be heard"
    sim.probes.answers["127.0.0.1:1"] = GOOD
    spend(sim, 2)
    assert live(sim, "db-1").ready
    assert live(sim, "shell-1").healthy
    assert sim.log.getvalue().count("ready worker=shell-1") == 1


def test_a_run_whose_line_came_while_no_daemon_lived(sim: Simulation) -> None:
    sim.outputs.write("shell-1", b"loading\n")
    spend(sim, 1)
    sim.crash()
    sim.outputs.write("shell-1", b"$ ")
    sim.start()
    spend(sim, 1)
    assert live(sim, "shell-1").ready


def test_the_spec_changes_while_it_is_asked(sim: Simulation) -> None:
    sim.edit(SPEC.replace('tcp: "127.0.0.1:1"', "exec: [other]"))
    assert sim.reload()
    spend(sim, 2)
    assert live(sim, "db-1").ready
    assert "reason=spec_changed" not in sim.log.getvalue(), "nobody is started for it"
