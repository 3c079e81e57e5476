"""Memory in a whole daemon: leaking workers go in time, nobody else does, and no task is lost by it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

import pytest

from tmaxd.daemon.fleet import Fleet
from tmaxd.testing.footprints import MB
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
memory: {sample: 5s, MEMORY}
workers:
  work: {count: 4, serve: [prog], cwd: /sim, restart: {backoff: {first: 0s, jitter: 0}}}
  shell: {count: 1, run: [sh], cwd: /sim}
"""

OWN = "worker: {warn: 60MiB, recycle: 100MiB, kill: 300MiB, for: 2}"


@pytest.fixture
def begin() -> Iterator[Callable[[str], Simulation]]:
    made: list[Simulation] = []

    def start(memory: str) -> Simulation:
        sim = Simulation(SPEC.replace("MEMORY", memory))
        made.append(sim)
        sim.start()
        sim.settle()
        spend(sim, 4)  # each is known with what it needs
        return sim

    yield start
    for sim in made:
        sim.close()


def the_fleet(sim: Simulation) -> Fleet:
    assert sim.fleet is not None
    return sim.fleet


def spend(sim: Simulation, samples: int, *, works: bool = True) -> None:
    """So many samples, with work and a few passes between them."""
    for _ in range(samples * 5):
        sim.advance(1.0)
        if works:
            sim.do(sim.workers.read)
            sim.do(sim.workers.finish)
        for _ in range(4):
            sim.one_pass()


def runs(sim: Simulation) -> dict[str, str]:
    return {worker: live.run for worker, live in the_fleet(sim).runs.live.items()}


def uses(sim: Simulation, worker: str, size: int) -> None:
    sim.footprints.uses[runs(sim)[worker]] = size * MB


def reason(sim: Simulation, worker: str) -> str:
    last = the_fleet(sim).history.slots[worker].last_exit
    return "" if last is None else last.reason


def every_task_is_done(sim: Simulation) -> None:
    entries = sim.journal.disk.entries
    for task in sim.accepted:
        assert entries[task].row.state == "done"
        assert sim.workers.finished[task] >= 1


def test_only_the_hog_goes_and_nobody_loses_a_task(begin: Callable[[str], Simulation]) -> None:
    sim = begin(OWN)
    before = runs(sim)
    uses(sim, "work-2", 150)
    sim.submit("work", 40)
    spend(sim, 6)
    sim.settle()
    changed = {worker for worker, run in runs(sim).items() if before[worker] != run}
    assert changed == {"work-2"}
    assert reason(sim, "work-2") == "memory_recycle"
    assert "memory recycle worker=work-2 reason=memory_recycle scope=worker" in sim.log.getvalue()
    every_task_is_done(sim)
    assert set(sim.workers.begun.values()) == {1}, "each task was begun once"


@pytest.mark.parametrize("meanwhile", ["flags: {memory_governor: false}\n", ""])
def test_a_run_that_has_kept_to_the_limit_is_known_when_limits_act_again(
    begin: Callable[[str], Simulation], meanwhile: str
) -> None:
    """The governor was off, or there was no limit, while it grew beyond it."""
    sim = begin(OWN)
    before = runs(sim)
    governed = SPEC.replace("MEMORY", OWN)
    sim.edit(meanwhile + (governed if meanwhile else SPEC.replace(", MEMORY", "")))
    sim.reload()
    spend(sim, 3)
    uses(sim, "work-2", 150)
    spend(sim, 6)
    assert runs(sim) == before
    sim.edit(governed)
    sim.reload()
    spend(sim, 6)
    assert {w for w, run in runs(sim).items() if before[w] != run} == {"work-2"}
    assert reason(sim, "work-2") == "memory_recycle"


def test_a_busy_hog_drains_first_and_is_killed_when_it_grows_on(
    begin: Callable[[str], Simulation],
) -> None:
    sim = begin(OWN)
    sim.submit("work", 4)
    sim.do(sim.workers.read)
    sim.one_pass()
    before = runs(sim)
    uses(sim, "work-1", 150)
    spend(sim, 4, works=False)
    assert runs(sim) == before
    slot = the_fleet(sim).history.slots["work-1"]
    assert slot.hold == "memory_recycle"
    uses(sim, "work-1", 400)
    spend(sim, 4, works=False)
    assert reason(sim, "work-1") == "memory_kill"
    assert {w for w, run in runs(sim).items() if before[w] != run} == {"work-1"}
    sim.settle()
    every_task_is_done(sim)


def test_above_hold_a_crash_waits_and_goes_on_below(begin: Callable[[str], Simulation]) -> None:
    sim = begin("fleet: {hold: 400MiB}")
    uses(sim, "shell-1", 500)
    spend(sim, 1)
    pid = the_fleet(sim).runs.live["work-3"].proc.pid
    sim.do(lambda: sim.processes.exit(pid, None, 11))
    spend(sim, 2)
    made = the_fleet(sim).state.plan
    assert made is not None
    assert made.pending["work-3"] == "memory_hold"
    uses(sim, "shell-1", 50)
    spend(sim, 2)
    sim.settle()
    assert "work-3" in runs(sim)
    assert "memory hold over" in sim.log.getvalue()


def test_a_limit_below_what_workers_need_is_told_and_loops_nobody(
    begin: Callable[[str], Simulation],
) -> None:
    sim = begin("worker: {recycle: 5MiB, for: 1}")
    before = runs(sim)
    spend(sim, 12)
    assert runs(sim) == before
    assert sim.log.getvalue().count("memory limit too low") == len(before)


@pytest.mark.parametrize("seed", range(4))
def test_leakers_under_load_stay_within_the_fleet_and_lose_nothing(
    begin: Callable[[str], Simulation], seed: int
) -> None:
    rng = random.Random(seed)
    sim = begin("fleet: {recycle: 500MiB, hold: 700MiB, kill: 900MiB, for: 1}")
    most = 0
    for _ in range(60):
        for worker, run in runs(sim).items():
            if worker.startswith("work"):
                grown = sim.footprints.uses.get(run, 10 * MB) + rng.randrange(40) * MB
                sim.footprints.uses[run] = grown
        sim.submit("work", rng.randrange(6))
        if rng.random() < 0.05:
            sim.crash()
            sim.start()
        spend(sim, 1)
        usage = the_fleet(sim).sampling.usage
        most = max(most, usage.fleet if usage is not None else 0)
    assert 500 * MB < most < 900 * MB, "one goes at a time, and that is enough"
    assert sim.log.getvalue().count("ended worker=work") >= 5
    sim.footprints.uses.clear()
    spend(sim, 3)
    sim.settle()
    every_task_is_done(sim)


def test_all_hogs_of_a_group_are_recycled_though_starts_are_held(
    begin: Callable[[str], Simulation],
) -> None:
    """One at a time: each waits until the one before is back."""
    sim = begin("worker: {recycle: 100MiB, for: 1}, fleet: {hold: 300MiB}")
    before = runs(sim)
    uses(sim, "shell-1", 90)
    for number in range(1, 5):
        uses(sim, f"work-{number}", 200)
    spend(sim, 10)
    sim.settle()
    assert {w for w, run in runs(sim).items() if before[w] != run} == {
        f"work-{n}" for n in range(1, 5)
    }
    assert sim.log.getvalue().count("memory hold ") >= 1
