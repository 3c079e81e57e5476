"""The contract of `Pipes` about FIFOs that become another worker's, tried on the fake and on real FIFOs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.pipes_worlds import FakeWorld, Log, PipesWorld, RealWorld
from tests.waiting import settle, until

S, W, RUN = "check_1", "check-1", "r1"


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipesWorld]:
    made: PipesWorld = FakeWorld() if request.param == "fake" else RealWorld(tmp_path)
    yield made
    made.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


def test_who_has_them_open_hears_and_is_heard_as_the_worker(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_results(log)
        world.pipes.link(RUN, S)
        world.open_spare(S, RUN)
        world.write_spare(RUN, b"as a spare\n")
        await until(lambda: log.data.get(S), "the spare is heard")
        world.pipes.hand_over(S, W, RUN)
        assert world.pipes.workers() == {W}
        world.pipes.send(W, "tasks", b"one\n")
        world.pipes.send(W, "control", b"ping\n")
        assert world.read_spare(RUN) == b"one\n"
        assert world.read_spare(RUN, "control") == b"ping\n"
        world.write_spare(RUN, b"as a worker\n")
        await until(lambda: log.data.get(W), "the worker is heard")
        assert log.data == {S: b"as a spare\n", W: b"as a worker\n"}

    run(scenario)


def test_the_worker_s_own_go_and_what_they_still_hold_is_handed_on(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"for the one before\n")
        world.write(W, b"last words\n")
        world.pipes.on_results(log)
        world.pipes.link(RUN, S)
        world.open_spare(S, RUN)
        world.pipes.hand_over(S, W, RUN)
        assert log.data == {W: b"last words\n"}
        assert world.read_spare(RUN) == b""
        assert world.pipes.take_back(W) == b""
        assert world.pipes.workers() == {W}

    run(scenario)


def test_it_stands_the_looks_that_follow_and_the_next_daemon(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.link(RUN, S)
        world.open_spare(S, RUN)
        world.pipes.hand_over(S, W, RUN)
        assert world.pipes.check() == ()
        world.reopen()
        assert world.pipes.workers() | world.pipes.linked() == {W, RUN}
        world.pipes.on_results(log)
        world.pipes.add_worker(W)
        assert world.pipes.check() == ()
        world.write_spare(RUN, b"still here\n")
        await until(lambda: log.data.get(W), "it is heard")
        world.pipes.send(W, "tasks", b"again\n")
        assert world.read_spare(RUN) == b"again\n"

    run(scenario)


def test_once_more_changes_nothing(world: PipesWorld) -> None:
    """As the next daemon does it, which does not know how far the last one had come."""

    async def scenario() -> None:
        world.pipes.link(RUN, S)
        world.open_spare(S, RUN)
        world.pipes.hand_over(S, W, RUN)
        world.pipes.send(W, "tasks", b"kept\n")
        world.reopen()
        world.pipes.hand_over(S, W, RUN)
        assert world.read_spare(RUN) == b"kept\n"
        assert world.pipes.workers() == {W}

    run(scenario)


def test_the_spare_s_name_is_free_for_the_next(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_results(log)
        world.pipes.link(RUN, S)
        world.open_spare(S, RUN)
        world.pipes.hand_over(S, W, RUN)
        world.pipes.link("r2", S)
        world.open_spare(S, "r2")
        world.write_spare("r2", b"new\n")
        world.write_spare(RUN, b"old\n")
        await until(lambda: log.data.keys() == {S, W}, "both are heard")
        assert log.data == {S: b"new\n", W: b"old\n"}
        world.pipes.hand_over(S, W, "r2")
        await settle()
        assert world.pipes.workers() == {W}
        assert world.read_spare("r2") == b""

    run(scenario)


def test_a_path_goes_when_its_run_is_over(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.link(RUN, S)
        world.pipes.link("r2", "check_2")
        world.pipes.unlink(RUN)
        world.pipes.unlink(RUN)
        assert world.pipes.linked() == {"r2"}
        assert world.pipes.workers() == {S, "check_2"}

    run(scenario)
