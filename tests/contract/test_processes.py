"""The contract of the port `Processes`, tried on the fake and on real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tests.contract.processes_worlds import FakeWorld, Kind, ProcessesWorld, RealWorld
from tests.waiting import DEADLINE, settle, until
from tmaxd.ports import Proc

# Other tests run on this machine at the same time, and a mark is found wherever its process is.
R1, R2, R3 = (f"test-{os.getpid()}-{n}" for n in (1, 2, 3))

NO_SUCH_PID = 2**22 + 17
"""Above the largest pid that Linux gives (proc(5), pid_max)."""


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest) -> Iterator[ProcessesWorld]:
    made: ProcessesWorld = FakeWorld() if request.param == "fake" else RealWorld()
    yield made
    made.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


def test_identity_is_pid_and_start(world: ProcessesWorld) -> None:
    one, two = world.leader(R1), world.leader(R2)
    assert world.processes.identify(one.pid) == one
    assert world.processes.identify(two.pid) == two
    assert one != two
    assert world.processes.identify(NO_SUCH_PID) is None
    world.end(one)
    assert world.processes.identify(one.pid) is None, "gone, or only a zombie"


def test_an_exit_is_told_once(world: ProcessesWorld) -> None:
    told: list[str] = []

    async def scenario() -> None:
        proc, other = world.leader(R1), world.leader(R2)
        world.processes.watch(proc, lambda: told.append("exit"))
        world.processes.watch(other, lambda: told.append("other"))
        await settle()
        assert told == []
        world.end(proc)
        await until(lambda: told, "the exit")
        await settle()
        assert told == ["exit"]

    run(scenario)


def test_an_exit_before_the_watch_is_told_too(world: ProcessesWorld) -> None:
    told: list[str] = []

    async def scenario() -> None:
        proc, living = world.leader(R1), world.leader(R2)
        world.end(proc)
        world.processes.watch(proc, lambda: told.append("dead"))
        world.processes.watch(Proc(NO_SUCH_PID, 1), lambda: told.append("never"))
        world.processes.watch(Proc(living.pid, living.start - 1), lambda: told.append("former"))
        assert told == [], "from the event loop, not from within watch"
        await until(lambda: len(told) == 3, "all three")
        assert sorted(told) == ["dead", "former", "never"]

    run(scenario)


def test_a_watch_can_be_taken_back_and_replaced(world: ProcessesWorld) -> None:
    told: list[str] = []

    async def scenario() -> None:
        proc, other, late = world.leader(R1), world.leader(R2), world.leader(R3)
        world.processes.watch(proc, lambda: told.append("first"))
        world.processes.watch(proc, lambda: told.append("second"))
        world.processes.watch(other, lambda: told.append("other"))
        world.processes.unwatch(other)
        world.processes.unwatch(other)
        world.end(other)
        world.end(late)
        world.processes.watch(late, lambda: told.append("late"))
        world.processes.unwatch(late)
        world.end(proc)
        await until(lambda: told, "the exit")
        await settle()
        assert told == ["second"]

    run(scenario)


def test_a_signal_reaches_only_the_very_process(world: ProcessesWorld) -> None:
    proc = world.leader(R1)
    assert not world.processes.signal(Proc(proc.pid, proc.start + 1), signal.SIGKILL)
    assert not world.processes.signal(Proc(NO_SUCH_PID, 1), signal.SIGKILL)
    assert world.processes.identify(proc.pid) == proc
    assert world.processes.signal(proc, signal.SIGWINCH)
    assert world.processes.identify(proc.pid) == proc

    async def scenario() -> None:
        assert world.processes.signal(proc, signal.SIGTERM)
        await until(lambda: world.processes.identify(proc.pid) is None, "it ends")
        assert not world.processes.signal(proc, signal.SIGTERM)

    run(scenario)


def test_the_signal_that_ended_a_process_is_told(world: ProcessesWorld) -> None:
    one, other = world.leader(R1), world.leader(R2)
    assert world.processes.killed_by(one) is None, "it lives"
    assert world.processes.signal(one, signal.SIGKILL)
    deadline = time.monotonic() + DEADLINE
    while world.processes.identify(one.pid) is not None:
        assert time.monotonic() < deadline
    assert world.processes.killed_by(one) == signal.SIGKILL
    assert world.processes.killed_by(Proc(one.pid, one.start - 1)) is None
    assert world.processes.killed_by(other) is None


def test_who_ignores_term_still_dies_of_kill(world: ProcessesWorld) -> None:
    proc = world.leader(R1)
    world.ignore_term(proc)

    async def scenario() -> None:
        assert world.processes.signal(proc, signal.SIGTERM)
        await settle()
        assert world.processes.identify(proc.pid) == proc
        assert world.processes.signal(proc, signal.SIGKILL)
        await until(lambda: world.processes.identify(proc.pid) is None, "it ends")

    run(scenario)


KINDS: tuple[Kind, ...] = (
    "child",
    "orphan",
    "orphan that left the session",
    "child without mark",
)


def test_a_tree_is_everything_that_belongs_to_the_run(world: ProcessesWorld) -> None:
    leader, stranger = world.leader(R1), world.leader(R2)
    family = {leader, *(world.descendant(leader, kind) for kind in KINDS)}

    async def scenario() -> None:
        found = await world.processes.trees({R1: leader, R2: stranger, R3: None})
        assert found == {R1: family, R2: {stranger}, R3: frozenset()}
        assert await world.processes.trees({}) == {}

    run(scenario)


def test_what_is_left_of_a_tree_is_found_without_its_leader(world: ProcessesWorld) -> None:
    leader = world.leader(R1)
    left = {kind: world.descendant(leader, kind) for kind in KINDS}

    async def scenario() -> None:
        world.end(leader)
        assert await world.processes.trees({R1: leader}) == {R1: set(left.values())}
        del left["child without mark"]
        assert await world.processes.trees({R1: None}) == {R1: set(left.values())}, "by mark"
        for proc in left.values():
            world.end(proc)

    run(scenario)


def test_a_later_process_of_the_leader_s_number_is_a_stranger(world: ProcessesWorld) -> None:
    leader = world.leader(R2)
    world.descendant(leader, "child")

    async def scenario() -> None:
        earlier = Proc(leader.pid, leader.start - 1)
        assert await world.processes.trees({R1: earlier}) == {R1: frozenset()}

    run(scenario)


def test_a_tree_that_is_killed_is_empty(world: ProcessesWorld) -> None:
    leader = world.leader(R1)
    for kind in KINDS:
        world.descendant(leader, kind)

    async def scenario() -> None:
        tree = (await world.processes.trees({R1: leader}))[R1]
        assert len(tree) == 5
        for proc in tree:
            world.processes.signal(proc, signal.SIGKILL)
        await until(
            lambda: all(world.processes.identify(p.pid) != p for p in tree), "all have ended"
        )
        assert await world.processes.trees({R1: leader}) == {R1: frozenset()}

    run(scenario)


def test_the_boot_id_stays(world: ProcessesWorld) -> None:
    assert len(world.processes.boot_id()) > 8
    assert world.processes.boot_id() == world.processes.boot_id()
