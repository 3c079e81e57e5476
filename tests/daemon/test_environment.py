"""What workers, and commands that are run beside them, find in their environment."""

from __future__ import annotations

import asyncio
import io

from tmaxd.daemon.environment import beside, mark_of_probes, marks, scrubbed
from tmaxd.daemon.leftovers import Leftovers
from tmaxd.daemon.log import EventLog
from tmaxd.spec.model import Group
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.files import FakeFiles
from tmaxd.testing.processes import FakeProcesses
from tmaxd.testing.simulation import PLACES


def test_a_command_beside_a_worker_is_none_of_its_processes() -> None:
    group = Group(kind="run", argv=("x",), cwd="/", env={"A": "b", "TMAX_GROUP": "own"})
    found = beside(PLACES, "sim", "w-2", group, FakeFiles())
    its = marks(PLACES, "sim", "w", "w-2", "r1")
    assert found["TMAX_RUN"] == mark_of_probes(PLACES) != its["TMAX_RUN"]
    assert (found["A"], found["TMAX_GROUP"]) == ("b", "own"), "the spec has the last word"
    same = its.keys() - {"TMAX_RUN", "TMAX_GROUP"}
    assert {key: found[key] for key in same} == {key: its[key] for key in same}


def test_nothing_of_other_programs_is_passed_on() -> None:
    env = {"PATH": "/bin", "LC_ALL": "C", "CLAUDECODE": "1", "TMUX": "x", "TMAX_RUN": "r"}
    assert scrubbed(env) == {"PATH": "/bin", "LC_ALL": "C"}
    assert "PATH" in scrubbed({})


def test_probes_that_outlived_their_daemon_are_ended_once() -> None:
    async def body() -> None:
        processes, log = FakeProcesses(), io.StringIO()
        mark = mark_of_probes(PLACES)
        left = processes.spawn(run=mark, new_session=True)
        child = processes.spawn(parent=left.pid, new_session=True)
        worker = processes.spawn(run="r1", new_session=True)
        leftovers = Leftovers(processes, mark, EventLog(FakeClock(), log, human=True))
        await asyncio.gather(leftovers.gone(), leftovers.gone())
        assert {proc for proc, _ in processes.sent} == {left, child}
        assert processes.identify(worker.pid) == worker
        ours = processes.spawn(run=mark, new_session=True)
        await leftovers.gone()
        assert processes.identify(ours.pid) == ours, "those of this daemon are its own affair"
        assert log.getvalue().count("leftover probes ended") == 1

    asyncio.run(body())
