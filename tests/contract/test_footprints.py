"""The contract of the port `Footprints`, tried on the fake and on real processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping

import pytest

from tests.contract.processes_worlds import FakeWorld, ProcessesWorld, RealWorld
from tmaxd.ports import Proc
from tmaxd.ports.footprints import Footprints, Sample
from tmaxd.testing.footprints import FakeFootprints
from tmaxd.world.cgroup import Caged
from tmaxd.world.footprints import ProcFootprints

R1, R2, R3 = (f"test-footprint-{os.getpid()}-{n}" for n in (1, 2, 3))
MIB = 1 << 20


class NoCages:
    counts_memory = False

    def read(self, run: str) -> Caged | None:
        return None

    def cgroup(self) -> str | None:
        return None


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[ProcessesWorld]:
    made: ProcessesWorld = FakeWorld() if request.param == "fake" else RealWorld()
    yield made
    made.close()


def footprints(world: ProcessesWorld) -> Footprints:
    return FakeFootprints(world.fake) if isinstance(world, FakeWorld) else ProcFootprints(NoCages())


def sample(world: ProcessesWorld, runs: Mapping[str, Proc | None]) -> Sample:
    return asyncio.run(footprints(world).sample(runs, None))


def test_a_run_is_measured_with_all_that_belongs_to_it(world: ProcessesWorld) -> None:
    leader, stranger = world.leader(R1), world.leader(R2)
    alone = sample(world, {R1: leader, R2: stranger})
    assert alone.runs.keys() == {R1, R2}
    assert alone.runs[R1].processes == 1
    for kind in ("child", "orphan that left the session", "child without mark"):
        world.descendant(leader, kind)
    grown = sample(world, {R1: leader, R2: stranger})
    assert (grown.runs[R1].processes, grown.runs[R2].processes) == (4, 1)
    before, after = alone.runs[R1].files, grown.runs[R1].files
    assert before is not None
    assert after is not None
    assert after > before
    assert 0 < grown.runs[R1].bytes <= grown.runs[R1].rss
    assert grown.runs[R1].cpu >= 0


def test_a_run_that_is_over_is_left_out(world: ProcessesWorld) -> None:
    leader, other = world.leader(R1), world.leader(R2)
    world.end(leader)
    found = sample(world, {R1: leader, R2: other, R3: None})
    assert found.runs.keys() == {R2}


def test_the_daemon_and_the_machine_are_measured_too(world: ProcessesWorld) -> None:
    found = sample(world, {})
    assert found.runs == {}
    assert found.daemon is not None
    assert found.daemon.bytes > 10 * MIB
    assert found.server is None
    assert found.free is not None
    assert found.free > 10 * MIB


def test_the_tmux_server_counts_without_what_runs_in_it(world: ProcessesWorld) -> None:
    server = world.leader(R1)
    world.descendant(server, "child")
    found = asyncio.run(footprints(world).sample({}, server.pid))
    assert found.server is not None
    assert found.server.processes == 1
