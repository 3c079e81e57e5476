"""Whoever waits for tasks hears of each of them once, and of no other."""

from __future__ import annotations

import asyncio

from tmaxd.daemon.api.types import TaskEnd
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
