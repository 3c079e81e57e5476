"""The contract of the port `Orphans`, tried on the fake and on real processes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator, Mapping
from typing import Literal

import pytest

from tests.contract.processes_worlds import FakeWorld, ProcessesWorld, RealWorld
from tmaxd.ports import Proc
from tmaxd.ports.orphans import Orphan, Orphans
from tmaxd.testing.orphans import FakeOrphans
from tmaxd.world.orphans import LinuxOrphans
from tmaxd.world.processes import Marks

# Other tests run on this machine at the same time, and a mark is found wherever its process is.
OWNER, OTHER = (f"owner-{os.getpid()}-{n}" for n in (1, 2))
R1, R2, R3 = (f"orphan-{os.getpid()}-{n}" for n in (1, 2, 3))


class World:
    def __init__(self, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch
        self.processes: ProcessesWorld
        self.orphans: Orphans
        if kind == "fake":
            self.processes = fake = FakeWorld()
            self.orphans = self._fake = FakeOrphans(fake.fake)
        else:
            self.processes = RealWorld()
            self.orphans = LinuxOrphans(Marks())

    def leader(self, run: str, owner: str = OWNER) -> Proc:
        self._monkeypatch.setenv("TMAX_OWNER", owner)
        self._monkeypatch.setenv("TMAX_WORKER", "w-1")
        proc = self.processes.leader(run)
        if isinstance(self.orphans, FakeOrphans):
            self.orphans.owners[proc.pid] = owner
        return proc

    def child(
        self,
        leader: Proc,
        kind: Literal["child", "orphan", "orphan that left the session", "child without mark"],
        owner: str = OWNER,
    ) -> Proc:
        proc = self.processes.descendant(leader, kind)
        if isinstance(self.orphans, FakeOrphans):
            self.orphans.owners[proc.pid] = owner
        return proc

    def find(self, runs: Mapping[str, Proc | None]) -> tuple[Orphan, ...]:
        return asyncio.run(self.orphans.find(OWNER, runs))

    def pids(self, runs: Mapping[str, Proc | None]) -> list[Proc]:
        return [orphan.proc for orphan in self.find(runs)]


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    made = World(request.param, monkeypatch)
    yield made
    made.processes.close()


def test_what_belongs_to_no_run_is_found_parents_first(world: World) -> None:
    leader = world.leader(R1)
    assert world.pids({R1: leader}) == []
    assert world.pids({R1: None}) == [], "a run of which only the id is known is known"
    own = [
        leader,
        world.child(leader, "child"),
        world.child(leader, "orphan"),
        world.child(leader, "orphan that left the session"),
        world.child(leader, "child without mark"),
    ]
    found = world.find({})
    assert [orphan.proc for orphan in found] == own
    assert {(orphan.run, orphan.worker) for orphan in found} == {(R1, "w-1")}
    assert all(orphan.age >= 0 and orphan.bytes > 0 and orphan.command for orphan in found)


def test_what_escaped_is_found_without_its_leader(world: World) -> None:
    leader = world.leader(R1)
    child = world.child(leader, "orphan that left the session")
    world.processes.end(leader)
    assert world.pids({R2: None}) == [child]


def test_other_fleets_processes_are_none_of_ours(world: World) -> None:
    other = world.leader(R1, OTHER)
    world.child(other, "orphan", OTHER)
    ours = world.leader(R2)
    assert world.pids({}) == [ours]


def test_a_known_run_s_whole_tree_is_kept(world: World) -> None:
    """Also what carries another mark: somebody has typed it in."""
    leader = world.leader(R1)
    world.child(leader, "child")
    assert world.pids({R2: leader}) == []
    assert world.pids({R2: Proc(leader.pid, leader.start - 1)}) != []
