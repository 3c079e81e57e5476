"""The contract of the port `Pipes` for FIFOs that belong to no single worker: outboxes, and one tasks FIFO for all
workers of a group. Tried on the fake and on real FIFOs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from tests.contract.pipes_worlds import FakeWorld, Log, Pipe, PipesWorld, RealWorld
from tests.waiting import settle, until
from tmaxd.ports import RECORD, PipeProblem, WorldError

LINE = b'{"id":%d,"state":"done"}\n'


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PipesWorld]:
    made: PipesWorld = FakeWorld() if request.param == "fake" else RealWorld(tmp_path)
    yield made
    made.close()


def run(scenario: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await scenario()

    asyncio.run(main())


def lines(first: int, count: int) -> list[bytes]:
    return [LINE % n for n in range(first, first + count)]


def record(n: int) -> bytes:
    return (b'{"t":"task","id":%d}' % n).ljust(RECORD, b"\n")


async def read_all(world: PipesWorld, outbox: str, size: int | None = None) -> bytes:
    """All that comes until nothing comes any more."""
    got, silence = b"", 0
    while silence < 3:
        data = world.read_outbox(outbox, size)
        got += data
        silence = 0 if data else silence + 1
        await settle()
    return got


# ---------------------------------------------------------------------------------- outboxes


def test_lines_reach_the_reader_of_an_outbox_in_order(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_outbox("results")
        world.pipes.add_outbox("results")
        world.open_outbox("results")
        world.pipes.publish("results", lines(1, 100))
        world.pipes.publish("results", lines(101, 1))
        assert await read_all(world, "results") == b"".join(lines(1, 101))
        assert world.pipes.lost() == {"results": 0}
        assert world.pipes.outboxes() == {"results"}
        assert world.pipes.inboxes() == frozenset()
        world.pipes.publish("nosuch", lines(1, 1))

    run(scenario)


def test_what_a_lagging_reader_misses_is_counted_where_it_is_missing(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_outbox("results")
        world.open_outbox("results")
        number = 1
        for count in (1, 10, 4000, 1, 3000):
            world.pipes.publish("results", lines(number, count))
            number += count
        lost = world.pipes.lost()["results"]
        assert 0 < lost < number - 1
        got = (await read_all(world, "results", 10_000)).splitlines(keepends=True)
        held = len(got) - 1
        assert got[:held] == lines(1, held)
        assert json.loads(got[held]) == {"lost": lost}
        assert held + lost == number - 1
        world.pipes.publish("results", lines(number, 5))
        assert await read_all(world, "results") == b"".join(lines(number, 5)), "it goes on"
        assert world.pipes.lost() == {"results": lost}

    run(scenario)


def test_every_line_is_read_or_counted_however_slowly_it_is_read(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_outbox("results")
        world.open_outbox("results")
        got = b""
        for n in range(200):
            world.pipes.publish("results", lines(n * 50, 50))
            got += world.read_outbox("results", 700)
            if n % 20 == 0:
                await settle()
        got += await read_all(world, "results")
        number = 0
        for line in map(json.loads, got.splitlines()):
            if "lost" in line:
                number += line["lost"]
            else:
                assert line["id"] == number, "in order, and nothing is missing that was not counted"
                number += 1
        assert number == 200 * 50
        assert world.pipes.lost()["results"] > 0

    run(scenario)


def test_an_outbox_that_is_removed_and_made_again_begins_empty(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_outbox("results")
        world.pipes.publish("results", lines(1, 5000))
        lost = world.pipes.lost()["results"]
        assert lost > 0
        world.pipes.remove_outbox("results")
        world.pipes.remove_outbox("results")
        assert world.pipes.outboxes() == frozenset()
        world.pipes.add_outbox("results")
        world.open_outbox("results")
        world.pipes.publish("results", lines(1, 1))
        assert await read_all(world, "results") == lines(1, 1)[0]
        assert world.pipes.lost() == {"results": lost}, "the count goes on"

    run(scenario)


def test_an_inbox_and_an_outbox_cannot_have_one_name(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_inbox(log)
        world.pipes.add_outbox("box")
        with pytest.raises(WorldError, match=r"box\.pipe cannot be both"):
            world.pipes.add_inbox("box")
        world.pipes.publish("box", lines(1, 3))
        world.pipes.remove_outbox("box")
        world.pipes.add_inbox("box")
        with pytest.raises(WorldError, match=r"box\.pipe cannot be both"):
            world.pipes.add_outbox("box")
        assert world.pipes.inboxes() == {"box"}
        assert world.pipes.outboxes() == frozenset()
        await settle()
        assert log.data == {}, "what an outbox held is never read as tasks"

    run(scenario)


# ------------------------------------------------------------------------------- shared FIFOs


def test_each_reader_of_a_shared_fifo_gets_whole_records(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_shared("echo")
        world.pipes.add_shared("echo")
        world.open_shared("echo")
        assert world.pipes.shared() == {"echo"}
        assert world.pipes.workers() == world.pipes.inboxes() == frozenset()
        world.pipes.send_shared("echo", b"".join(record(n) for n in range(300)))
        got: list[bytes] = []

        def all_read() -> bool:
            if data := world.read_record("echo"):
                got.append(data)
            return len(got) == 300

        await until(all_read, "all records")
        assert got == [record(n) for n in range(300)]
        with pytest.raises(ValueError, match="no records"):
            world.pipes.send_shared("echo", b"x\n")
        with pytest.raises(WorldError, match="nosuch"):
            world.pipes.send_shared("nosuch", record(1))

    run(scenario)


def test_what_nobody_read_of_a_shared_fifo_is_taken_back_once(world: PipesWorld) -> None:
    async def scenario() -> None:
        world.pipes.add_shared("echo")
        world.open_shared("echo")
        world.pipes.send_shared("echo", b"".join(record(n) for n in range(200)))
        assert world.read_record("echo") == record(0)
        assert world.pipes.take_back_shared("echo") == b"".join(record(n) for n in range(1, 200))
        assert world.pipes.take_back_shared("echo") == world.pipes.take_back_shared("no") == b""
        world.pipes.send_shared("echo", record(7))
        assert world.read_record("echo") == record(7)
        world.pipes.remove_shared("echo")
        world.pipes.remove_shared("echo")
        assert world.pipes.shared() == frozenset()

    run(scenario)


# ---------------------------------------------------------------------------- all kinds at once


def test_one_name_for_a_worker_a_group_and_an_inbox(world: PipesWorld) -> None:
    """`check-1` is the name of a worker, and may be that of a group."""
    log = Log()

    async def scenario() -> None:
        world.pipes.on_inbox(log)
        world.pipes.add_worker("check-1")
        world.pipes.add_shared("check-1")
        world.pipes.add_inbox("check-1")
        world.open_worker("check-1")
        world.open_shared("check-1")
        world.pipes.send("check-1", "tasks", b"own\n")
        world.pipes.send_shared("check-1", record(1))
        world.write_inbox("check-1", b"line\n")
        assert world.read("check-1") == b"own\n"
        assert world.read_record("check-1") == record(1)
        await until(lambda: log.data == {"check-1": b"line\n"}, "the line")
        for pipe in ("tasks", "shared", "inbox"):
            world.damage("check-1", pipe, "missing")
        kinds = {(t.kind, t.owner, t.lost) for t in world.pipes.check()}
        assert kinds == {(k, "check-1", False) for k in ("worker", "shared", "inbox")}
        for names in (world.pipes.workers(), world.pipes.shared(), world.pipes.inboxes()):
            assert names == {"check-1"}

    run(scenario)


@pytest.mark.parametrize("problem", [p for p in get_args(PipeProblem) if p != "wrong_owner"])
def test_public_fifos_are_healed_too(world: PipesWorld, problem: PipeProblem) -> None:
    kinds: tuple[tuple[str, Pipe], ...] = (("results", "outbox"), ("echo", "shared"))

    async def scenario() -> None:
        world.pipes.add_outbox("results")
        world.pipes.add_shared("echo")
        world.open_outbox("results")
        world.open_shared("echo")
        world.pipes.publish("results", lines(1, 1))
        world.pipes.send_shared("echo", record(1))
        for owner, pipe in kinds:
            world.damage(owner, pipe, problem)
        found = [(t.owner, t.kind, t.problem, t.lost) for t in world.pipes.check()]
        assert found == [(owner, pipe, problem, False) for owner, pipe in kinds]
        assert world.pipes.check() == ()
        world.pipes.publish("results", lines(2, 1))
        world.pipes.send_shared("echo", record(2))
        assert await read_all(world, "results") == b"".join(lines(1, 2))
        assert [world.read_record("echo"), world.read_record("echo")] == [record(1), record(2)]
        assert world.pipes.outboxes() == {"results"}
        assert world.pipes.problems() == ()

    run(scenario)


def test_the_next_daemon_tells_the_kinds_apart(world: PipesWorld) -> None:
    async def scenario() -> None:
        for add, name in (
            (world.pipes.add_inbox, "in"),
            (world.pipes.add_outbox, "out"),
            (world.pipes.add_shared, "echo"),
            (world.pipes.add_worker, "echo-1"),
        ):
            add(name)
        world.open_outbox("out")
        world.open_shared("echo")
        world.pipes.publish("out", lines(1, 2))
        world.pipes.send_shared("echo", record(1))
        world.reopen()
        pipes = world.pipes
        assert pipes.inboxes() == {"in"}
        assert pipes.outboxes() == {"out"}
        assert pipes.shared() == {"echo"}
        assert pipes.workers() == {"echo-1"}
        pipes.add_outbox("out")
        pipes.add_shared("echo")
        pipes.publish("out", lines(3, 1))
        assert await read_all(world, "out") == b"".join(lines(1, 3))
        assert pipes.lost() == {"out": 0}
        assert pipes.take_back_shared("echo") == record(1)

    run(scenario)


def test_one_inbox_waits_while_others_are_read(world: PipesWorld) -> None:
    log = Log()

    async def scenario() -> None:
        world.pipes.on_inbox(log)
        world.pipes.add_inbox("one")
        world.pipes.add_inbox("two")
        world.pipes.pause_inbox("one", True)
        world.write_inbox("one", b"a\n")
        world.write_inbox("two", b"b\n")
        await until(lambda: log.data == {"two": b"b\n"}, "the line of the other")
        world.pipes.pause_inboxes(True)
        world.pipes.pause_inbox("one", False)
        await settle()
        assert log.data == {"two": b"b\n"}, "all of them wait"
        world.pipes.pause_inboxes(False)
        await until(lambda: log.data == {"one": b"a\n", "two": b"b\n"}, "the line that waited")

    run(scenario)
