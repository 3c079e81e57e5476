"""A FIFO that a group shares, between the dispatcher and the world: who is heard when, and when it is emptied."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.daemon.test_fleet import daemon, facade_of
from tmaxd.ports import Launch
from tmaxd.testing.simulation import Simulation


def spec(count: int = 1, layout: str = "shared") -> str:
    return f"""\
version: 1
fleet: sim
workers:
  pull: {{count: {count}, task: [echo], cwd: /sim, layout: {layout}}}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(spec())
    made.start()
    made.settle()
    yield made
    made.close()


def attempts(sim: Simulation) -> list[str]:
    entries = sim.journal.disk.entries.values()
    return [attempt.outcome for entry in entries for attempt in entry.attempts]


@pytest.mark.parametrize("taken_back", [False, True])
def test_a_worker_that_pulls_before_it_is_known_is_heard(sim: Simulation, taken_back: bool) -> None:
    """It says that it is ready and what it took before tmux has told its pid. What is missing then is not taken for
    lost: the FIFO is not emptied at that moment."""
    sim.workers.deaf.add("pull-1")
    sim.submit("pull", 3)
    spawn = sim.tmux.on_spawn
    hearing = daemon(sim).executor.hearing
    unread: list[int] = []

    def spawned(pid: int, launch: Launch) -> None:
        spawn(pid, launch)
        sim.workers.read()
        sim.pipes.drain_results("pull-2")
        if taken_back:
            hearing.take_back("pull")
            unread.append(len(sim.pipes.take_back_shared("pull")))

    sim.tmux.on_spawn = spawned
    sim.edit(spec(2))
    sim.reload()
    sim.one_pass()
    assert unread == [2 * 4096] * taken_back, "it was left alone"
    view = sim.do(daemon(sim).flow.view)
    (worker,) = [w for w in view.workers.values() if w.worker == "pull-2"]
    assert worker.running == (1,)
    assert worker.strays == 0


def test_what_is_put_off_is_done_when_the_start_is_over(sim: Simulation) -> None:
    sim.workers.deaf.add("pull-1")
    sim.submit("pull", 2)
    spawn = sim.tmux.on_spawn
    hearing = daemon(sim).executor.hearing

    def spawned(pid: int, launch: Launch) -> None:
        spawn(pid, launch)
        hearing.take_back("pull")
        assert len(sim.pipes.take_back_shared("pull")) == 2 * 4096
        sim.pipes.send_shared("pull", b"\n" * 4096)

    sim.tmux.on_spawn = spawned
    sim.edit(spec(2))
    sim.reload()
    sim.one_pass()
    assert sim.workers.pipes.group_reads("pull").strip() == b"", "it was emptied after that"
    sim.workers.deaf.clear()
    sim.settle()
    assert sim.workers.finished == {1: 1, 2: 1}


def test_a_fifo_is_not_removed_before_its_tasks_are_back(sim: Simulation) -> None:
    sim.workers.deaf.add("pull-1")
    sim.submit("pull", 3)
    sim.do(lambda: sim.journal.fail("the disk is full"))
    sim.submit("pull", 1)  # whatever is done after it waits for the disk
    sim.edit(spec(layout="dedicated"))
    sim.reload()
    sim.do(lambda: sim.tmux.die("pull-1", None, 9))
    for _ in range(5):
        sim.one_pass()
        sim.advance(1.0)
    assert sim.pipes.shared() == {"pull"}
    sim.do(sim.journal.heal)
    sim.workers.deaf.clear()
    sim.settle()
    assert sim.pipes.shared() == frozenset()
    assert set(attempts(sim)) <= {"unsent"}, "none of them was lost"
    assert sim.workers.finished == {1: 1, 2: 1, 3: 1, 4: 1}


def test_who_runs_what_is_shown(sim: Simulation) -> None:
    """The disk does not know it."""
    sim.submit("pull", 2)
    sim.do(sim.workers.read)
    story = sim.run(facade_of(sim).story(1))
    assert story is not None
    assert (story.task.state, story.task.worker) == ("running", "pull-1")
    waiting = sim.run(facade_of(sim).story(2))
    assert waiting is not None
    assert waiting.task.state == "sent"


def test_a_new_daemon_empties_nothing_before_it_knows_whoever_reads(sim: Simulation) -> None:
    """A worker may live whose start is not on disk, and have a task: the first pass adopts it, and then it is named."""
    sim.workers.deaf.add("pull-1")
    sim.submit("pull", 3)
    sim.crash()
    real, taken = sim.pipes.take_back_shared, list[str]()

    def take_back_shared(group: str) -> bytes:
        taken.append(group)
        return real(group)

    sim.pipes.take_back_shared = take_back_shared  # type: ignore[method-assign]
    sim.start()
    assert taken == []
    sim.one_pass()
    assert taken == ["pull"]
    sim.workers.deaf.clear()
    sim.settle()
    assert sim.journal.disk.entries[3].row.state == "done"
