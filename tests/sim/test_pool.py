"""The warm pool in a whole daemon: who holds what, over the deaths of workers, spares, daemons and answers."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from tmaxd.plan.draft import is_spare
from tmaxd.ports import Unknown
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  work: {count: 3, serve: [prog], cwd: /sim, pool: {size: 2}, restart: {backoff: {first: 0s, jitter: 0}}}
  shell: {count: 2, run: [sh], cwd: /sim, pool: {size: 1}}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    spend(made, 3)
    yield made
    made.close()


def spend(sim: Simulation, rounds: int) -> None:
    for _ in range(rounds):
        sim.advance(0.25)
        sim.do(sim.workers.read)
        sim.do(sim.workers.finish)
        sim.one_pass()
        each_run_has_one_place(sim)


def each_run_has_one_place(sim: Simulation) -> None:
    """No run is in two slots, no slot has two runs, and tasks are only with those that are slots."""
    living = [s for s in sim.tmux.sessions.values() if not s.dead and s.labels.fleet == sim.name]
    assert len({s.labels.run for s in living}) == len(living)
    assert len({s.labels.worker for s in living}) == len(living)
    if sim.fleet is None:
        return
    fleet = sim.fleet
    runs = [live.run for live in fleet.runs.live.values()]
    assert len(set(runs)) == len(runs)
    assert all(live.worker == name for name, live in fleet.runs.live.items())
    assert not any(is_spare(worker) for worker in sim.do(fleet.flow.loads))


def names(sim: Simulation) -> list[str]:
    return sorted(s.name for s in sim.tmux.sessions.values() if not s.dead)


def run_of(sim: Simulation, worker: str) -> str:
    return sim.tmux.session(worker).labels.run


WHOLE = ["shell-1", "shell-2", "shell_1", "work-1", "work-2", "work-3", "work_1", "work_2"]


def test_the_pool_is_filled_and_nobody_is_told_of_it(sim: Simulation) -> None:
    assert names(sim) == WHOLE
    assert sim.fleet is not None
    assert sim.do(sim.fleet.flow.loads).keys() == {"work-1", "work-2", "work-3"}


def test_a_spare_takes_over_with_the_tasks_that_come(sim: Simulation) -> None:
    spare = run_of(sim, "work_1")
    sim.do(lambda: sim.tmux.die("work-2", signal=9))
    sim.submit("work", 30)
    sim.one_pass()
    assert run_of(sim, "work-2") == spare
    sim.settle()
    spend(sim, 4)
    assert names(sim) == WHOLE
    assert set(sim.workers.finished) == sim.accepted
    assert len(sim.accepted) == 30


def test_tmux_does_it_and_does_not_answer(sim: Simulation) -> None:
    """The pass breaks off; what tmux calls the session decides."""
    spare, done = run_of(sim, "work_1"), sim.tmux.hand_over

    async def deaf(server: object, items: object) -> None:
        await done(server, items)  # type: ignore[arg-type]
        sim.tmux.hand_over = done  # type: ignore[method-assign]
        raise Unknown("tmux gave no answer")

    sim.tmux.hand_over = deaf  # type: ignore[method-assign]
    sim.do(lambda: sim.tmux.die("work-2", signal=9))
    sim.one_pass()
    sim.submit("work", 10)
    sim.settle()
    spend(sim, 8)
    assert run_of(sim, "work-2") == spare
    assert len(names(sim)) == len(WHOLE)
    assert set(sim.workers.finished) == sim.accepted


def test_the_daemon_dies_before_it_has_written_it_down(sim: Simulation) -> None:
    spare = run_of(sim, "shell_1")
    sim.do(lambda: sim.tmux.die("shell-1", signal=9))
    sim.journal.fail("the disk is full")
    sim.one_pass()
    assert run_of(sim, "shell-1") == spare
    sim.crash()
    sim.journal.heal()
    sim.start()
    sim.settle()
    spend(sim, 8)
    assert run_of(sim, "shell-1") == spare
    assert len(names(sim)) == len(WHOLE)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_dies(seed: int) -> None:
    """Workers, spares and daemons at random, while tasks flow: each is done, and all are there in the end."""
    dice = random.Random(seed)
    sim = Simulation(SPEC)
    try:
        sim.start()
        sim.settle()
        for _ in range(60):
            match dice.randrange(8):
                case 0 | 1 | 2:
                    living = [s for s in sim.tmux.sessions.values() if not s.dead]
                    if living:
                        victim = dice.choice(living).labels.worker
                        sim.do(lambda v=victim: sim.tmux.die(v, signal=9))  # type: ignore[misc]
                case 3:
                    sim.crash()
                    sim.start()
                case 4:
                    sim.submit("work", 5)
                case 5:
                    sim.edit(SPEC.replace("[prog]", f"[prog, '{dice.randrange(3)}']"))
                    sim.reload()
                case _:
                    spend(sim, dice.randrange(1, 4))
            each_run_has_one_place(sim)
        sim.settle(600)
        spend(sim, 300)
        assert set(sim.workers.finished) >= sim.accepted
        assert len(names(sim)) == len(WHOLE)
        assert {n for n in names(sim) if not is_spare(n)} == {n for n in WHOLE if not is_spare(n)}
        linked = sim.pipes.linked()
        assert linked <= {s.labels.run for s in sim.tmux.sessions.values()}
    finally:
        sim.close()


def test_a_spare_s_heartbeats_are_heard() -> None:
    """Though the dispatcher knows nothing of it."""
    sim = Simulation(
        "version: 1\nfleet: sim\nworkers:\n"
        "  work: {count: 1, serve: [prog], cwd: /sim, pool: 1, health: {heartbeat: 30s}}\n"
    )
    try:
        sim.start()
        sim.settle()
        spend(sim, 2)
        spare = run_of(sim, "work_1")
        for _ in range(40):
            sim.advance(2.0)
            sim.do(sim.workers.beat)
            spend(sim, 1)
        assert run_of(sim, "work_1") == spare
        sim.workers.deaf.add("work_1")
        for _ in range(20):
            sim.advance(2.0)
            sim.do(sim.workers.beat)
            spend(sim, 1)
        assert "stop worker=work_1 reason=unhealthy" in sim.log.getvalue()
        assert "stop worker=work-1" not in sim.log.getvalue()
    finally:
        sim.close()
