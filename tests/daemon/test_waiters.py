"""Whoever waits for tasks hears of each of them once, and of no other."""

from __future__ import annotations

import asyncio
import tracemalloc

from tmaxd.daemon.api.types import TaskEnd
from tmaxd.daemon.api.verb import Limits
from tmaxd.daemon.api.wait import all_of
from tmaxd.daemon.waiters import Waiters
from tmaxd.tasks.events import Ended
from tmaxd.tasks.records import Submitted
from tmaxd.testing.journal import FakeJournal


def test_what_others_wait_for_does_not_pile_up_behind_a_slow_reader() -> None:
    async def wait() -> list[TaskEnd]:
        journal = FakeJournal()
        await journal.write([Submitted(1, "check", "text", 0.0)])
        waiters = Waiters(journal)
        ends = waiters.wait([1, 99])
        assert await anext(ends) == TaskEnd(99, "unknown")
        for number in range(100, 1000):
            waiters.ended(Ended(((number, "done"),)))
        assert sum(waiter.ends.qsize() for waiter in waiters._waiting) == 0
        waiters.ended(Ended(((1000, "done"), (1, "dead"))))
        waiters.ended(Ended(((1, "dead"),)))
        return [end async for end in ends]

    assert asyncio.run(wait()) == [TaskEnd(1, "dead")]


def test_a_wait_for_very_many_costs_little_memory() -> None:
    count = 1_000_000

    async def wait() -> int:
        waiters = Waiters(FakeJournal())
        tracemalloc.start()
        try:
            ends = waiters.wait(all_of((), ((1, count), (count + 5, 3)), Limits(waits=2 * count)))
            assert await anext(ends) == TaskEnd(1, "unknown")
            (waiter,) = waiters._waiting
            assert waiter.left == count + 2
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert asyncio.run(wait()) < 3_000_000


def test_ends_that_come_during_the_look_are_told_once() -> None:
    async def wait() -> list[TaskEnd]:
        journal = FakeJournal()
        await journal.write([Submitted(n, "check", ["text"], 0.0) for n in range(1, 9)])
        waiters = Waiters(journal)
        ends = waiters.wait([9, 2, 4, 6])
        first = await anext(ends)
        waiters.ended(Ended([(2, "done"), (3, "done"), (9, "done")]))
        waiters.ended(Ended([(2, "dead"), (4, "dead"), (6, "cancelled")]))
        return [first, *[end async for end in ends]]

    assert asyncio.run(wait()) == [
        TaskEnd(9, "unknown"), TaskEnd(2, "done"), TaskEnd(4, "dead"), TaskEnd(6, "cancelled"),
    ]  # fmt: skip
