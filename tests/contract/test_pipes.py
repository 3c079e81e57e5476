"""The contract of the port `Pipes`, tried on the fake and on real FIFOs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.pipes_worlds import FakeWorld, Log, PipesWorld, RealWorld
from tests.waiting import settle, until
from tmaxd.ports import WorldError

W = "check-1"


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipesWorld]:
    made: PipesWorld = FakeWorld() if request.param == "fake" else RealWorld(tmp_path)
    yield made
    made.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


def test_what_is_sent_arrives_in_order(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"one\n")
        world.pipes.send(W, "tasks", b"two\n")
        world.pipes.send(W, "control", b"ping\n")
        assert world.read(W, 4) == b"one\n"
        assert world.read(W) == b"two\n"
        assert world.read(W, pipe="control") == b"ping\n"
        assert world.read(W) == b""

    run(scenario)


def test_more_than_a_fifo_holds_waits_and_keeps_its_order(world: PipesWorld) -> None:
    frames = [b"%06d" % n + b"x" * 3000 + b"\n" for n in range(200)]

    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.open_worker(W)
        for frame in frames:
            world.pipes.send(W, "tasks", frame)
        got = bytearray()

        def all_read() -> bool:
            nonlocal got
            got += world.read(W, 5000)
            return len(got) >= len(b"".join(frames))

        await until(all_read, "all frames read")
        assert bytes(got) == b"".join(frames)

    run(scenario)


def test_one_big_batch_is_completed_when_the_fifo_drains(world: PipesWorld) -> None:
    batch = b"".join(b"%07d\n" % n for n in range(50_000))

    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.pipes.send(W, "tasks", batch)
        got = bytearray()

        def all_read() -> bool:
            nonlocal got
            got += world.read(W)
            return len(got) >= len(batch)

        await until(all_read, "the batch read")
        assert bytes(got) == batch

    run(scenario)


def test_sending_to_nobody_is_an_error_and_does_no_harm(world: PipesWorld) -> None:
    async def scenario() -> None:
        with pytest.raises(WorldError, match="check-1"):
            world.pipes.send(W, "tasks", b"x\n")
        assert world.pipes.take_back(W) == b""
        world.pipes.drain_results(W)
        world.pipes.remove_worker(W)
        world.pipes.remove_inbox("tasks")
        assert world.pipes.workers() == frozenset()
        assert world.pipes.inboxes() == frozenset()

    run(scenario)


def test_take_back_gives_what_nobody_read_once(world: PipesWorld) -> None:
    sent = b"".join(b"%07d\n" % n for n in range(30_000))

    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.pipes.send(W, "tasks", sent)
        assert world.read(W, 12) == sent[:12]
        assert world.pipes.take_back(W) == sent[12:], "the first line is torn, nothing is missing"
        assert world.pipes.take_back(W) == b""
        assert world.read(W) == b""
        world.pipes.send(W, "tasks", b"next\n")
        assert world.read(W) == b"next\n", "it can be used again"
        await settle()
        assert world.read(W) == b""

    run(scenario)


def test_a_full_fifo_takes_nothing_and_loses_nothing(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.pipes.add_worker("check-2")
        world.open_worker(W)
        world.open_worker("check-2")
        world.fill(W)
        world.pipes.send(W, "tasks", b"task\n")
        world.pipes.send("check-2", "tasks", b"other\n")
        assert world.read("check-2") == b"other\n", "one full FIFO stops no other"
        got = bytearray()

        def came() -> bool:
            nonlocal got
            got += world.read(W)
            return got.endswith(b"task\n")

        await until(came, "the task behind the filling")
        assert bytes(got).strip(b"\n") == b"task"

    run(scenario)


def test_a_fifo_that_nobody_ever_reads_refuses_in_the_end(tmp_path: Path) -> None:
    async def scenario() -> None:
        world = RealWorld(tmp_path)
        try:
            world.pipes.add_worker(W)
            for _ in range(8):
                world.pipes.send(W, "tasks", b"x" * 1024 * 1024)
            with pytest.raises(WorldError, match="nobody reads it"):
                world.pipes.send(W, "tasks", b"x" * 1024 * 1024)
        finally:
            world.close()

    run(scenario)


def test_results_arrive_in_bounded_chunks(world: PipesWorld) -> None:
    log = Log()
    whole = b"".join(b"%07d\n" % n for n in range(25_000))

    async def scenario() -> None:
        world.pipes.set_capacity(256 * 1024)
        world.pipes.add_worker(W)
        world.pipes.add_worker("check-2")
        world.open_worker(W)
        world.write(W, whole)
        world.write("check-2", b"hello\n")
        await settle()
        assert log.data == {}, "nothing is read before there is a handler"
        world.pipes.on_results(log)
        await until(lambda: len(log.data.get(W, b"")) == len(whole), "all results")
        await until(lambda: "check-2" in log.data, "the other worker's results")

    run(scenario)
    assert log.data == {W: whole, "check-2": b"hello\n"}
    assert log.longest <= 64 * 1024


def test_drain_results_reads_to_the_end_at_once(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_results(log)
        world.pipes.add_worker(W)
        world.open_worker(W)
        await settle()
        world.write(W, b"done\t1\t1\tx\n" * 3000)
        world.pipes.drain_results(W)
        assert log.data == {W: b"done\t1\t1\tx\n" * 3000}

    run(scenario)


def test_inbox_lines_arrive_and_wait_while_paused(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.add_inbox("tasks")
        world.pipes.add_inbox("tasks")
        world.pipes.on_inbox(log)
        world.write_inbox("tasks", b"one\n")
        await until(lambda: log.data.get("tasks") == b"one\n", "the first line")
        world.pipes.pause_inboxes(True)
        world.write_inbox("tasks", b"two\n")
        world.pipes.add_inbox("late")
        world.write_inbox("late", b"three\n")
        await settle()
        assert log.data == {"tasks": b"one\n"}
        world.pipes.pause_inboxes(False)
        await until(lambda: len(log.data) == 2 and b"two" in log.data["tasks"], "the other lines")
        assert log.data == {"tasks": b"one\ntwo\n", "late": b"three\n"}
        assert world.pipes.inboxes() == {"tasks", "late"}

    run(scenario)


def test_what_a_removed_inbox_and_worker_still_held_is_handed_on(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_inbox(log)
        world.pipes.on_results(log)
        world.pipes.add_inbox("tasks")
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.write_inbox("tasks", b"last\n")
        world.write(W, b"done\n")
        world.pipes.remove_inbox("tasks")
        world.pipes.remove_worker(W)
        assert log.data == {"tasks": b"last\n", W: b"done\n"}
        assert world.pipes.workers() == world.pipes.inboxes() == frozenset()
        assert world.pipes.check() == ()
        assert world.pipes.problems() == ()
        await settle()

    run(scenario)


def test_a_removed_worker_can_come_back_empty(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.open_worker(W)
        world.pipes.send(W, "tasks", b"old\n")
        world.pipes.remove_worker(W)
        world.pipes.add_worker(W)
        world.open_worker(W)
        assert world.pipes.workers() == {W}
        assert world.read(W) == b""
        world.pipes.send(W, "tasks", b"new\n")
        assert world.read(W) == b"new\n"

    run(scenario)


def test_a_stranger_s_file_survives_its_folder(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_worker(W)
        world.leave_file(W)
        world.pipes.remove_worker(W)
        assert world.pipes.workers() == frozenset()
        (problem,) = world.pipes.problems()
        assert f".gone-{W} is kept" in problem
        world.pipes.add_worker(W)
        world.pipes.remove_worker(W)
        assert len(world.pipes.problems()) == 1

    run(scenario)
