"""Samples of real processes: cages, what cannot be read, and how long the loop is held up."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Collection, Iterator
from threading import Event

import pytest

from tests.contract.processes_worlds import RealWorld
from tests.waiting import DEADLINE
from tmaxd.ports import Proc, Unknown
from tmaxd.ports.footprints import Sample
from tmaxd.world import footprints, memory, procfs
from tmaxd.world.cgroup import Caged
from tmaxd.world.footprints import ProcFootprints
from tmaxd.world.proctable import WHOLE, ProcTable
from tmaxd.world.pss import ProportionalSizes

R1, R2 = (f"test-sample-{os.getpid()}-{n}" for n in (1, 2))
MIB = 1 << 20


class Cages:
    def __init__(self, **caged: Caged) -> None:
        self.caged = caged
        self.folder: str | None = None
        self.counts_memory = any(cage.bytes is not None for cage in caged.values())

    def read(self, run: str) -> Caged | None:
        return self.caged.get(run)

    def cgroup(self) -> str | None:
        return self.folder


@pytest.fixture
def world() -> Iterator[RealWorld]:
    made = RealWorld()
    yield made
    made.close()


def sample(cages: Cages, **runs: Proc | None) -> Sample:
    return asyncio.run(ProcFootprints(cages).sample(runs, None))


def test_where_a_cage_counts_memory_that_is_what_counts(world: RealWorld) -> None:
    leader = world.leader(R1)
    caged = Caged(frozenset({leader.pid}), 7 * MIB, 1.25, 2)
    found = sample(Cages(r=caged), r=leader).runs["r"]
    assert (found.bytes, found.basis, found.cpu, found.oom_kills) == (7 * MIB, "cgroup", 1.25, 2)
    assert found.processes == 1
    assert found.rss > 0


def test_who_has_escaped_from_his_tree_is_counted_by_his_cage(world: RealWorld) -> None:
    leader, escaped = world.leader(R1), world.leader(R2)
    caged = Caged(frozenset({leader.pid, escaped.pid}), None, None)
    found = sample(Cages(r=caged), r=leader).runs["r"]
    assert found.processes == 2
    assert found.basis == "pss"


def test_without_permission_for_more_the_resident_sets_are_taken(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "files", lambda _: None)
    sizes = ProportionalSizes(read=lambda _: None)
    leader = world.leader(R1)
    taken = asyncio.run(ProcFootprints(Cages(), sizes).sample({R1: leader}, None)).runs[R1]
    assert (taken.basis, taken.files) == ("rss", None)
    assert taken.bytes == taken.rss > 0


def test_half_of_a_tree_may_be_known_better_than_the_rest(world: RealWorld) -> None:
    leader = world.leader(R1)
    child = world.descendant(leader, "child")
    sizes = ProportionalSizes(read=lambda pid: 4096 if pid == leader.pid else None)
    taken = asyncio.run(ProcFootprints(Cages(), sizes).sample({R1: leader}, None)).runs[R1]
    assert taken.basis == "mixed"
    stat = procfs.read_stat(child.pid)
    assert stat is not None
    assert taken.bytes == 4096 + stat.pages * memory.PAGE


def test_a_process_that_goes_while_it_is_measured_is_no_error(
    world: RealWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = world.leader(R1)
    child = world.descendant(leader, "child")
    real = procfs.read_all_stats

    def then_it_goes(*_: object) -> list[procfs.Stat]:
        table = real()
        world.end(child)
        return table

    monkeypatch.setattr(procfs, "read_all_stats", then_it_goes)
    found = sample(Cages(), **{R1: leader}).runs[R1]
    assert found.processes == 2, "as it was when it was looked at"
    assert found.basis == "mixed"


def test_proc_that_cannot_be_read_is_unknown_and_not_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> list[procfs.Stat]:
        raise Unknown("cannot list /proc: Permission denied")

    monkeypatch.setattr(procfs, "read_all_stats", refuse)
    with pytest.raises(Unknown, match="Permission denied"):
        sample(Cages())


def test_a_sample_that_hangs_is_given_up_and_none_is_begun_beside_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go_on, begun = Event(), 0
    real = procfs.read_all_stats

    def hang(*_: object) -> list[procfs.Stat]:
        nonlocal begun
        begun += 1
        go_on.wait(DEADLINE)
        return real()

    monkeypatch.setattr(procfs, "read_all_stats", hang)
    monkeypatch.setattr(footprints, "DEADLINE", 0.02)

    async def scenario() -> None:
        port = ProcFootprints(Cages())
        with pytest.raises(Unknown, match="not read within"):
            await port.sample({}, None)
        with pytest.raises(Unknown, match="hangs"):
            await port.sample({}, None)
        assert begun == 1
        go_on.set()
        deadline = time.monotonic() + DEADLINE
        monkeypatch.setattr(footprints, "DEADLINE", DEADLINE)
        while True:
            try:
                found = await port.sample({}, None)
            except Unknown:
                assert time.monotonic() < deadline
                await asyncio.sleep(0.005)
            else:
                assert found.daemon is not None
                return

    asyncio.run(scenario())


def test_a_tree_that_forks_all_the_time_is_measured_all_the_same() -> None:
    storm = subprocess.Popen(
        ["/bin/sh", "-c", "while :; do (:); /bin/true; done"],
        env={**os.environ, "TMAX_RUN": R1},
        start_new_session=True,
    )
    try:
        stat = procfs.read_stat(storm.pid)
        assert stat is not None
        leader = Proc(stat.pid, stat.start)

        async def scenario() -> None:
            port = ProcFootprints(Cages())
            for _ in range(20):
                found = await port.sample({R1: leader}, None)
                assert found.runs[R1].processes >= 1
                assert found.runs[R1].bytes > 0

        asyncio.run(scenario())
    finally:
        os.killpg(storm.pid, 9)
        storm.wait()


def test_our_own_helpers_count_as_ours(world: RealWorld) -> None:
    # Leaders are our children here; as runs they count for themselves, else for us.
    before = sample(Cages()).daemon
    one = world.leader(R1)
    as_run = sample(Cages(), **{R1: one}).daemon
    as_helper = sample(Cages()).daemon
    assert before is not None
    assert as_run is not None
    assert as_helper is not None
    assert as_run.processes == before.processes
    assert as_helper.processes == before.processes + 1


def test_who_leaves_his_tree_later_is_found_by_his_cage_within_a_minute(world: RealWorld) -> None:
    leader = world.leader(R1)
    cages = Cages(**{R1: Caged(frozenset({leader.pid}), None, None)})

    async def scenario() -> None:
        port = ProcFootprints(cages)
        found = await port.sample({R1: leader}, None)
        assert found.runs[R1].processes == 1
        escaped = world.leader(R2)
        cages.caged[R1] = Caged(frozenset({leader.pid, escaped.pid}), None, None)
        for _ in range(WHOLE):
            found = await port.sample({R1: leader}, None)
        assert found.runs[R1].processes == 2
        world.end(escaped)
        assert (await port.sample({R1: leader}, None)).runs[R1].processes == 1

    asyncio.run(scenario())


def test_strangers_are_read_seldom_and_whoever_is_new_at_once(world: RealWorld) -> None:
    ours = world.leader(R1)
    stranger = world.leader(R2)
    table = ProcTable()
    for _ in range(2):
        found = table.read()
        assert {ours.pid, stranger.pid} <= {s.pid for s in found}
        table.judge(found, {ours.pid})
    third = {s.pid for s in table.read()}
    assert ours.pid in third
    assert stranger.pid not in third
    table.judge([], set())
    new = world.descendant(ours, "child")
    found = table.read()
    assert new.pid in {s.pid for s in found}
    for _ in range(WHOLE - 4):
        table.judge(found, {ours.pid, new.pid})
        found = table.read()
        assert stranger.pid not in {s.pid for s in found}
    assert stranger.pid in {s.pid for s in table.read()}, "all of them, now and then"


def test_a_stranger_s_number_that_was_given_away_is_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    newest = b"1000"
    asked: list[Collection[int]] = []

    def read(_: object, but: Collection[int] = ()) -> list[procfs.Stat]:
        asked.append(frozenset(but))
        return [
            procfs.Stat(pid, 1, pid, 7, True, kernel=False, image=b"1")
            for pid in (500, 900)
            if pid not in but
        ]

    monkeypatch.setattr(procfs, "last_pid", lambda: newest)
    monkeypatch.setattr(procfs, "read_all_stats", read)
    table = ProcTable()
    for _ in range(2):
        table.judge(table.read(), set())
    table.read()
    assert asked[-1] == {500, 900}
    newest = b"100"
    table.read()
    assert asked[-1] == frozenset(), "the numbers have gone round"
    for _ in range(2):
        table.judge(table.read(), set())
    newest = b"600"
    table.read()
    assert asked[-1] == {900}
