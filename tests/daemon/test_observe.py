"""A worker that has died in a settled fleet is looked at alone; everything else is looked at whole."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest

from tmaxd.daemon.fleet import Fleet
from tmaxd.testing.simulation import Simulation

SPEC = """\
version: 1
fleet: sim
workers:
  w: {count: 20, run: [sleep, "1000000"], cwd: /sim}
"""


@pytest.fixture
def sim() -> Iterator[Simulation]:
    made = Simulation(SPEC)
    made.start()
    made.settle()
    made.one_pass()
    yield made
    made.close()


def daemon(sim: Simulation) -> Fleet:
    assert sim.fleet is not None
    return sim.fleet


def calls(sim: Simulation) -> list[str]:
    """What the next pass asks of tmux."""
    before = len(sim.tmux.calls)
    sim.one_pass()
    return sim.tmux.calls[before:]


def kill(sim: Simulation, worker: str, number: int) -> int:
    pid = sim.tmux.session(worker).pid
    sim.do(lambda: sim.processes.exit(pid, signal=number))
    return pid


def test_a_killed_worker_is_back_without_a_look(sim: Simulation) -> None:
    pid = kill(sim, "w-7", signal.SIGKILL)
    assert calls(sim) == ["start", "launch"]
    session = sim.tmux.session("w-7")
    assert (session.dead, session.pid != pid) == (False, True)
    last = daemon(sim).history.slots["w-7"].last_exit
    assert last is not None
    assert (last.reason, last.signal) == ("crashed", signal.SIGKILL)
    assert calls(sim)[0] == "look", "the whole look follows"


def test_what_ended_by_itself_is_looked_at_alone(sim: Simulation) -> None:
    pid = sim.tmux.session("w-7").pid
    sim.do(lambda: sim.processes.exit(pid, status=3))
    assert calls(sim) == ["look_at", "start", "launch"]
    last = daemon(sim).history.slots["w-7"].last_exit
    assert last is not None
    assert (last.reason, last.status) == ("crashed", 3)


def test_a_hangup_may_mean_that_the_session_is_gone(sim: Simulation) -> None:
    kill(sim, "w-7", signal.SIGHUP)
    sim.do(lambda: sim.tmux.kill_session("w-7"))
    assert calls(sim) == ["look_at", "start", "launch"]
    last = daemon(sim).history.slots["w-7"].last_exit
    assert last is not None
    assert last.reason == "session_killed"
    sim.settle()
    assert len(sim.tmux.sessions) == 20


def test_where_tmux_does_not_show_the_dead_the_whole_is_looked_at(sim: Simulation) -> None:
    kill(sim, "w-7", signal.SIGHUP)
    sim.tmux.hang(1)
    assert calls(sim) == ["look_at", "look", "start", "launch"]


def test_many_deaths_are_looked_at_whole(sim: Simulation) -> None:
    for number in range(1, 12):
        kill(sim, f"w-{number}", signal.SIGKILL)
    assert calls(sim)[0] == "look"
    sim.settle()
    assert len(sim.tmux.sessions) == 20


def test_after_something_was_done_the_whole_is_looked_at_again(sim: Simulation) -> None:
    kill(sim, "w-7", signal.SIGKILL)
    sim.one_pass()
    kill(sim, "w-8", signal.SIGKILL)
    assert calls(sim)[0] == "look"
