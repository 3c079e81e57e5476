"""Samples on a whole daemon, in the simulation: when they are taken, what comes of them, and cages."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from tmaxd.plan.draft import is_spare
from tmaxd.ports import Launch
from tmaxd.ports.containment import Held, Limits
from tmaxd.testing.footprints import MB
from tmaxd.testing.simulation import Simulation

MIB = 1 << 20
TEXT = """
version: 1
fleet: sim
defaults: {cwd: /sim}
workers:
  a: {count: 2, run: [sleep, "1000"]}
  b: {count: 1, task: ["true", "{payload}"]}
memory: {sample: 5s}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(TEXT)
    yield made
    made.close()


def settled(sim: Simulation) -> None:
    sim.start()
    sim.settle()


def run_of(sim: Simulation, worker: str) -> str:
    assert sim.fleet is not None
    return sim.fleet.runs.live[worker].run


def test_a_sample_is_taken_each_few_seconds_and_reaches_the_planner(sim: Simulation) -> None:
    settled(sim)
    assert sim.fleet is not None
    while sim.fleet.sampling.figures.number < 2:
        sim.advance(1.0)
    first = sim.fleet.sampling.usage
    assert first is not None
    sim.footprints.uses[run_of(sim, "a-1")] = 300 * MB
    sim.advance(4.0)
    assert sim.fleet.sampling.usage is first
    sim.advance(1.0)
    second = sim.fleet.sampling.usage
    assert second is not None
    assert second.number == first.number + 1
    assert {w: f.bytes for w, f in second.workers.items()} == {
        "a-1": 300 * MB,
        "a-2": 10 * MB,
        "b-1": 10 * MB,
    }
    assert second.fleet == (300 + 10 + 10 + 40 + 4) * MB
    assert second.free == 8_000 * MB
    sim.one_pass()
    assert sim.fleet.state.look.observed.usage == second


def test_a_new_interval_counts_from_the_next_sample_on(sim: Simulation) -> None:
    settled(sim)
    assert sim.fleet is not None
    sim.edit(TEXT.replace("5s", "60s"))
    assert sim.reload()
    sim.advance(5.0)
    last = sim.fleet.sampling.figures.number
    for _ in range(59):
        sim.advance(1.0)
    assert sim.fleet.sampling.figures.number == last
    sim.advance(1.0)
    assert sim.fleet.sampling.figures.number == last + 1


def test_a_sample_that_fails_changes_nothing_and_is_told_once(sim: Simulation) -> None:
    settled(sim)
    assert sim.fleet is not None
    before = sim.fleet.sampling.usage
    sim.footprints.unknown(2)
    sim.advance(5.0)
    sim.advance(5.0)
    assert sim.fleet.sampling.usage is before
    assert "not read within" in sim.fleet.sampling.trouble
    assert sim.log.getvalue().count("sample failed") == 1
    sim.advance(5.0)
    assert sim.fleet.sampling.usage is not before
    assert sim.fleet.sampling.trouble == ""


def test_who_cannot_be_measured_is_not_among_the_workers(sim: Simulation) -> None:
    settled(sim)
    assert sim.fleet is not None
    sim.footprints.hidden.add(run_of(sim, "a-1"))
    sim.advance(5.0)
    found = sim.fleet.sampling.usage
    assert found is not None
    assert found.workers.keys() == {"a-2", "b-1"}


def test_spares_are_measured_under_their_own_names() -> None:
    sim = Simulation(TEXT + "pool: {size: 1, groups: [a]}\n")
    try:
        settled(sim)
        sim.advance(5.0)
        assert sim.fleet is not None
        assert sim.fleet.sampling.usage is not None
        assert sum(map(is_spare, sim.fleet.sampling.usage.workers)) == 1
    finally:
        sim.close()


# --------------------------------------------------------------------------------------- cages

CAGED = TEXT.replace('"1000"]}', '"1000"], memory: {max: 64MiB}}')
BEST = Held(kind="cgroup", limits=True, why="cgroup v2 per worker, in /cages")


@pytest.fixture
def caged() -> Iterator[Simulation]:
    made = Simulation(CAGED)
    made.containment.held = BEST
    yield made
    made.close()


def until_caged(sim: Simulation, runs: int) -> None:
    """Some join their cages in another thread."""
    for _ in range(1000):
        if len(sim.containment.cages) == runs:
            return
        sim.run(_a_moment())
    raise AssertionError(sim.containment.cages)


async def _a_moment() -> None:
    await asyncio.sleep(0.002)


def test_who_has_a_limit_starts_in_a_cage_and_the_others_join_one(caged: Simulation) -> None:
    argv: dict[str, tuple[str, ...]] = {}
    spawned = caged.tmux.on_spawn

    def spawn(pid: int, launch: Launch) -> None:
        argv[launch.labels.worker] = launch.argv
        if spawned is not None:
            spawned(pid, launch)

    caged.tmux.on_spawn = spawn
    settled(caged)
    until_caged(caged, 3)
    cages = caged.containment.cages
    assert cages[run_of(caged, "a-1")].limits == Limits(max=64 * MIB)
    assert cages[run_of(caged, "b-1")].limits == Limits()
    assert argv["a-1"][:2] == ("/bin/sh", "-c")
    assert argv["a-1"][-2:] == ("sleep", "1000")
    assert argv["b-1"][0] != "/bin/sh"


def test_new_limits_hold_at_once_for_who_lives(caged: Simulation) -> None:
    settled(caged)
    before = run_of(caged, "a-1")
    caged.edit(CAGED.replace("64MiB", "96MiB"))
    assert caged.reload()
    caged.one_pass()
    assert run_of(caged, "a-1") == before
    assert caged.containment.cages[before].limits == Limits(max=96 * MIB)


def test_a_cage_goes_with_its_run(caged: Simulation) -> None:
    settled(caged)
    until_caged(caged, 3)
    run = run_of(caged, "a-1")
    assert caged.fleet is not None
    caged.processes.exit(caged.fleet.runs.live["a-1"].proc.pid, status=1)
    caged.settle()
    assert run in caged.containment.removed
    assert run_of(caged, "a-1") in caged.containment.cages


def test_a_run_that_the_kernel_killed_for_memory_is_told_apart(caged: Simulation) -> None:
    settled(caged)
    assert caged.fleet is not None
    live = caged.fleet.runs.live["a-1"]
    caged.containment.cages[live.run].oom_kills = 1
    caged.do(lambda: caged.processes.exit(live.proc.pid, signal=signal.SIGKILL))
    assert live.oom_killed
    assert live.as_seen(None).oom_killed


def test_an_old_kill_of_a_child_is_not_what_ends_a_run_later(caged: Simulation) -> None:
    settled(caged)
    assert caged.fleet is not None
    live = caged.fleet.runs.live["a-1"]
    caged.containment.cages[live.run].oom_kills = live.oom_kills = 1
    caged.do(lambda: caged.processes.exit(live.proc.pid, signal=signal.SIGKILL))
    assert not live.oom_killed


def test_an_end_while_there_was_no_daemon_is_looked_into_as_well(caged: Simulation) -> None:
    settled(caged)
    assert caged.fleet is not None
    live = caged.fleet.runs.live["a-1"]
    caged.crash()
    caged.containment.cages[live.run].oom_kills = 1
    caged.processes.exit(live.proc.pid, signal=signal.SIGKILL)
    fleet = caged.start()
    again = fleet.runs.live["a-1"]
    caged.one_pass()
    assert again.oom_killed


def test_a_kill_empties_the_cage_of_those_who_escaped(caged: Simulation) -> None:
    settled(caged)
    assert caged.fleet is not None
    live = caged.fleet.runs.live["a-1"]
    caged.processes.ignore_term(live.proc.pid)
    escaped = caged.processes.spawn(new_session=True)
    cage = caged.containment.cages[live.run]
    cage.pids = {live.proc.pid, escaped.pid}
    caged.edit(CAGED.replace("count: 2", "count: 1").replace("a:", "a2:"))
    assert caged.reload()
    caged.settle()
    assert cage.killed
    assert (escaped, signal.SIGTERM) in caged.processes.sent, "known by its cage, and asked first"


def test_limits_that_nobody_keeps_are_told(caged: Simulation) -> None:
    caged.containment.held = Held(kind="cgroup", why="cgroup v2 per worker, without limits")
    settled(caged)
    assert caged.fleet is not None
    assert caged.fleet.executor.containing.unkept() == ("a",)
    assert caged.log.getvalue().count("limits not kept") == 1
