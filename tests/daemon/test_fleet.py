"""The loop when the world changes, refuses or surprises it in the middle of a pass."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec
import pytest

from tmaxd.daemon.facade import FleetFacade
from tmaxd.daemon.fleet import Fleet
from tmaxd.daemon.waiters import Waiters
from tmaxd.ports import Proc, TmuxView, WorldError
from tmaxd.tasks.records import TaskFilter
from tmaxd.testing.simulation import PLACES, Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  w: {count: 2, run: [sleep, "1"], cwd: /sim}
  check: {count: 1, task: [echo], cwd: /sim}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def daemon(sim: Simulation) -> Fleet:
    assert sim.fleet is not None
    return sim.fleet


class Face:
    """tmux as status sees it."""

    version = "3.3a"
    channel: Literal["control", "plain"] = "control"
    degraded: str | None = None


def facade_of(sim: Simulation) -> FleetFacade:
    waiters = Waiters(sim.journal)
    return FleetFacade(daemon(sim), sim.journal, waiters, started=0.0, tmux=Face(), here=PLACES)


def save_during_the_next_look(sim: Simulation, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    look = sim.tmux.look

    async def slow() -> TmuxView:
        seen = await look()
        monkeypatch.setattr(sim.tmux, "look", look)
        sim.edit(text)
        await daemon(sim).desired.reload()
        return seen

    monkeypatch.setattr(sim.tmux, "look", slow)


def test_a_group_that_is_added_while_tmux_is_asked(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_during_the_next_look(sim, SPEC + "  late: {run: [cat], cwd: /sim}\n", monkeypatch)
    sim.one_pass()
    sim.settle()
    assert sim.tmux.session("late-1").launch is not None


def test_no_worker_runs_an_old_command_under_a_new_label(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_during_the_next_look(
        sim, SPEC.replace('"1"', '"9"').replace("count: 2", "count: 3"), monkeypatch
    )
    sim.one_pass()
    sim.settle()
    started = [s.launch for s in sim.tmux.sessions.values() if s.name.startswith("w-")]
    assert [launch and launch.argv for launch in started] == [("sleep", "9")] * 3


def test_a_process_that_may_not_be_signalled_stops_nothing_else(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = sim.tmux.session("w-1").pid
    send = sim.processes.signal

    def guarded(proc: Proc, number: int) -> bool:
        if proc.pid == foreign:
            raise WorldError(f"process {foreign} cannot be sent signal {number}: another user's")
        return send(proc, number)

    monkeypatch.setattr(sim.processes, "signal", guarded)
    sim.edit(SPEC.replace("count: 2", "count: 0"))
    sim.reload()
    for _ in range(20):
        sim.one_pass()
        sim.advance(1.0)
    assert {s.name for s in sim.tmux.sessions.values()} == {"w-1", "check-1"}
    assert daemon(sim).state.trouble == ""
    sim.processes.exit(foreign, signal=signal.SIGKILL)
    sim.settle()
    assert {s.name for s in sim.tmux.sessions.values()} == {"check-1"}


def test_an_adoption_that_breaks_off_is_done_in_the_next_pass(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sim.crash()
    add = sim.pipes.add_worker
    left = [3]

    def refuse(worker: str) -> None:
        left[0] -= 1
        if left[0] >= 0:
            raise OSError(28, "No space left on device")
        add(worker)

    monkeypatch.setattr(sim.pipes, "add_worker", refuse)
    sim.start()
    sim.settle()
    assert left[0] < 0, "it was tried"
    sim.submit("check", 3)
    sim.settle()
    assert sorted(sim.workers.finished) == [1, 2, 3]


def test_a_plan_that_is_asked_for_leaves_the_loop_no_old_look(sim: Simulation) -> None:
    """The loop may trust its last look in part; one made for somebody else, while it acted, is none of its own."""
    fleet = daemon(sim)
    facade = facade_of(sim)
    sim.one_pass()
    fleet.observer.acts()
    sim.run(facade.plan())
    pid = sim.tmux.session("w-1").pid
    sim.do(lambda: sim.processes.exit(pid, signal=signal.SIGKILL))
    before = len(sim.tmux.calls)
    sim.one_pass()
    assert sim.tmux.calls[before] == "look"


def test_a_bug_in_a_pass_does_not_end_the_daemon(
    sim: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    fleet = daemon(sim)
    good: Callable[..., object] = fleet.observer.look
    calls = []

    async def broken(*args: object, **more: object) -> object:
        calls.append(args)
        if len(calls) < 3:
            raise KeyError("a bug")
        return await good(*args, **more)  # type: ignore[misc]

    monkeypatch.setattr(fleet.observer, "look", broken)

    async def live() -> None:
        running = asyncio.ensure_future(fleet.run())
        async with asyncio.timeout(10):
            while len(calls) < 2:
                sim.clock.advance(1.0)
                fleet.wake()
                await asyncio.sleep(0)
            assert "a bug" in fleet.state.trouble
            await fleet.wait_still()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    sim.run(live())
    assert fleet.state.trouble == ""
    assert sim.log.getvalue().count("pass bug") == 1, "said once, however often"


def test_running_tasks_are_found_behind_those_that_only_wait(sim: Simulation) -> None:
    """A worker runs the oldest of what it was sent, and rows come newest first."""
    sim.edit(SPEC.replace("count: 1, task", "count: 2, task"))
    sim.reload()
    sim.settle()
    sim.submit("check", 1)
    sim.do(sim.workers.read)
    sim.submit("check", 1)
    facade = facade_of(sim)
    rows = sim.run(facade.tasks(TaskFilter(states=("running",), limit=1)))
    assert [(row.id, row.state) for row in rows] == [(1, "running")]
    rows = sim.run(facade.tasks(TaskFilter(states=("sent",), limit=1)))
    assert [(row.id, row.state) for row in rows] == [(2, "sent")]


def spoil_the_revision(sim: Simulation) -> None:
    disk = sim.journal.disk
    number = max(disk.revisions)
    disk.revisions[number] = msgspec.structs.replace(disk.revisions[number], text="{}")


def test_a_revision_that_cannot_be_read_any_more_is_passed_over(sim: Simulation) -> None:
    """As one written by an older version could be; its number is not given again."""
    sim.crash()
    spoil_the_revision(sim)
    in_force = sim.start().desired.spec_file.in_force
    assert in_force is not None
    assert in_force.revision == 2
    sim.settle()
    assert {pane.labels.worker for pane in sim.tmux.sessions.values()} == {"w-1", "w-2", "check-1"}


def test_without_a_good_file_or_a_readable_revision_nothing_is_begun(sim: Simulation) -> None:
    sim.crash()
    spoil_the_revision(sim)
    sim.edit("workers: [")
    with pytest.raises(WorldError, match="no earlier revision"):
        sim.start()


def test_a_bad_file_at_the_start_leaves_the_last_good_revision_in_force(sim: Simulation) -> None:
    sim.crash()
    sim.edit("workers: [")
    file = sim.start().desired.spec_file
    assert file.state == "rejected"
    assert file.in_force is not None
    assert file.in_force.revision == 1
    sim.edit(SPEC)
    assert sim.reload()
    assert (file.state, file.in_force.revision) == ("in_force", 1)
