"""The tmux server, or the machine, goes while no daemon lives: one event, nobody's crash, and no attempt spent."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tmaxd.testing.pipes import FakePipes
from tmaxd.testing.simulation import Simulation

MANY = 40
"""More than are started at once."""

SPEC = f"""\
version: 1
fleet: sim
workers:
  idle: {{count: {MANY}, run: [sleep, inf], cwd: /sim, restart: {{limit: {{crashes: 1, then: stop}}}}}}
  work: {{count: 2, task: [echo], cwd: /sim, retry: {{attempts: 1}}}}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    yield made
    made.close()


def lines(sim: Simulation, event: str) -> list[str]:
    return [line for line in sim.log.getvalue().splitlines() if f" {event} " in f"{line} "]


def fates(sim: Simulation) -> set[tuple[str, int]]:
    """State and number of the last attempt, of all tasks."""
    rows = [sim.journal.disk.entries[task].row for task in sim.accepted]
    assert len(rows) == 4
    return {(row.state, row.attempt) for row in rows}


def server_killed(sim: Simulation) -> None:
    sim.crash()
    sim.tmux.kill_server()


def machine_rebooted(sim: Simulation) -> None:
    """The FIFOs are gone as well: the folder of what only lives is not on a disk."""
    sim.crash()
    sim.tmux.kill_server()
    sim.processes.reboot()
    sim.pipes = sim.workers.pipes = FakePipes()


@pytest.mark.parametrize(
    ("happens", "reason"), [(server_killed, "server_died"), (machine_rebooted, "rebooted")]
)
def test_what_went_while_no_daemon_lived(
    sim: Simulation, happens: Callable[[Simulation], None], reason: str
) -> None:
    sim.submit("work", 4)
    sim.do(sim.workers.read)
    assert sim.fleet is not None
    assert sum(g.running for g in sim.do(sim.fleet.flow.view).groups.values()) == 2
    happens(sim)
    sim.log.truncate(0)
    sim.start()
    sim.one_pass()
    sim.one_pass()
    assert sim.fleet is not None
    back = sum(run.alive for run in sim.fleet.runs.live.values())
    assert 0 < back <= 32, "they come back in waves"
    sim.settle()
    (event,) = lines(sim, "mass death")
    assert f"reason={reason} died={MANY + 2}" in event
    (event,) = lines(sim, "revived")
    assert f"reason={reason} died={MANY + 2} up={MANY + 2}" in event
    for name in ("ended", "started", "ready", "stop", "signal", "resting", "pipe trouble"):
        assert not lines(sim, name), "all of that is one event"
    for slot in sim.fleet.history.slots.values():
        assert (slot.crashes, slot.crashed_at, slot.rest) == (0, (), None)
    assert fates(sim) == {("done", 1)}, "no attempt was spent"


def test_a_server_that_goes_with_a_daemon_there_is_one_event_too(sim: Simulation) -> None:
    sim.submit("work", 4)
    sim.do(sim.workers.read)
    sim.log.truncate(0)
    sim.do(sim.tmux.kill_server)
    sim.settle()
    assert (len(lines(sim, "mass death")), len(lines(sim, "revived"))) == (1, 1)
    for name in ("ended", "started", "ready", "stop", "signal"):
        assert not lines(sim, name)


def test_a_daemon_that_dies_while_they_are_revived_leaves_nobody_to_pay() -> None:
    """The server goes, they have been started in the next one, and what they were is not swept yet."""
    sim = Simulation(SPEC.replace(f"count: {MANY}", "count: 2"))
    try:
        sim.start()
        sim.settle()
        sim.submit("work", 4)
        sim.do(sim.workers.read)
        sim.do(sim.tmux.kill_server)
        sim.one_pass()
        assert sim.fleet is not None
        assert {"work-1", "work-2"} <= sim.fleet.runs.live.keys()
        sim.crash()
        sim.start()
        sim.settle()
        for slot in sim.fleet.history.slots.values():
            assert (slot.crashes, slot.rest) == (0, None)
        assert fates(sim) == {("done", 1)}
    finally:
        sim.close()
