"""The contract of the port `Pipes` where things go wrong, tried on the fake and on real FIFOs."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from tests.contract.pipes_worlds import FakeWorld, Log, Pipe, PipesWorld, RealWorld
from tests.waiting import settle, until
from tmaxd.ports import PipeProblem

W = "check-1"
WORKER_PIPES: tuple[Pipe, ...] = ("tasks", "control", "results")


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipesWorld]:
    made: PipesWorld = FakeWorld() if request.param == "fake" else RealWorld(tmp_path)
    yield made
    made.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


def test_the_next_daemon_finds_what_came_while_there_was_none(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.pipes.add_inbox("tasks")
        world.pipes.on_results(log)
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"task\n")
        world.write_inbox("tasks", b"before\n")
        world.pipes.close()
        world.write(W, b"done\n")
        await settle()
        assert log.data == {}
        world.reopen()
        assert world.pipes.workers() == {W}
        assert world.pipes.inboxes() == {"tasks"}
        world.pipes.on_results(log)
        world.pipes.on_inbox(log)
        world.pipes.add_worker(W)
        world.pipes.add_inbox("tasks")
        await until(lambda: len(log.data) == 2, "what had been written")
        assert log.data == {W: b"done\n", "tasks": b"before\n"}
        assert world.read(W) == b"task\n"

    run(scenario)


@pytest.mark.parametrize("problem", get_args(PipeProblem))
def test_a_damaged_fifo_is_healed_and_nobody_notices(
    world: PipesWorld, problem: PipeProblem
) -> None:
    if problem == "wrong_owner" and os.geteuid() != 0:
        pytest.skip("only root can give a FIFO away")
    log = Log()

    async def scenario() -> None:
        world.pipes.on_results(log)
        world.pipes.on_inbox(log)
        world.pipes.add_worker(W)
        world.pipes.add_inbox("tasks")
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"one\n")
        for pipe in WORKER_PIPES:
            world.damage(W, pipe, problem)
        world.damage("tasks", "inbox", problem)
        world.write(W, b"before\n")
        found = world.pipes.check()
        assert [(t.owner, t.problem, t.lost) for t in found] == [
            (W, problem, False),
            (W, problem, False),
            (W, problem, False),
            ("tasks", problem, False),
        ]
        assert world.pipes.check() == ()
        world.pipes.send(W, "tasks", b"two\n")
        world.pipes.send(W, "control", b"ping\n")
        world.write(W, b"after\n")
        world.write_inbox("tasks", b"line\n")
        assert world.read(W) == b"one\ntwo\n", "through what the worker has had open all the time"
        assert world.read(W, pipe="control") == b"ping\n"
        await until(lambda: log.data.get(W) == b"before\nafter\n", "the results")
        await until(lambda: log.data.get("tasks") == b"line\n", "the line")
        assert world.pipes.problems() == ()

    run(scenario)


def test_a_fifo_beyond_healing_is_made_anew_and_that_is_said(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_results(log)
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"one\n")
        world.write(W, b"before\n")
        world.damage(W, "tasks", "missing", lost=True)
        world.damage(W, "results", "missing", lost=True)
        found = world.pipes.check()
        assert [(t.problem, t.lost) for t in found] == [("missing", True), ("missing", True)]
        world.write(W, b"after\n")
        await until(lambda: log.data.get(W) == b"before\nafter\n", "results of the old FIFO")
        assert world.read(W) == b"", "the run has the old one open and hears nothing"
        assert world.pipes.take_back(W) == b"one\n"
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"two\n")
        assert world.read(W) == b"two\n"
        world.write(W, b"new\n")
        await until(lambda: log.data[W].endswith(b"new\n"), "results of the new FIFO")
        assert world.pipes.check() == ()

    run(scenario)
