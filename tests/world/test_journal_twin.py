"""The real journal and its strict twin are given the same records and asked the same questions."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from tests.world.journal_chance import GROUPS, Chance
from tmaxd.ports import Journal, Recovered
from tmaxd.testing.durable import Entry
from tmaxd.world.journal import open_journal

ROUNDS = 20
SEEDS = range(8)


@pytest.mark.parametrize("seed", SEEDS)
def test_both_give_the_same_answers(tmp_path: Path, seed: int) -> None:
    chance = Chance(seed)
    path = tmp_path / "state.db"

    async def body() -> None:
        for _ in range(ROUNDS):
            journal, found = open_journal(path)
            assert by_group(found) == by_group(chance.disk.recover())
            # Not awaited one by one: some share a transaction, some do not.
            writes = [journal.write(chance.batch()) for _ in range(chance.random.randint(1, 4))]
            await waiting_tasks(journal, chance)
            await named_tasks(journal, chance)
            await asyncio.gather(*writes)
            await journal.close()

    asyncio.run(body())
    assert numbers_of_blocks(path) == expected_numbers(path, chance)


def by_group(found: Recovered) -> Recovered:
    """Without the counts that are zero."""
    counts = {
        group: {state: n for state, n in of.items() if n} for group, of in found.counts.items()
    }
    return msgspec.structs.replace(found, counts={g: of for g, of in counts.items() if of})


async def waiting_tasks(journal: Journal, chance: Chance) -> None:
    disk, random = chance.disk, chance.random
    for group in GROUPS:
        for lane in (0, 5, -3):
            asked = (
                group,
                lane,
                random.choice((0, random.randint(0, disk.next_id))),
                random.choice((1, 9, 999)),
            )
            assert await journal.page(*asked) == disk.page(*asked), asked
        for _ in range(3):
            timed = (group, chance.later() - 50, random.choice((1, 9, 999)))
            assert await journal.due(*timed) == disk.due(*timed), timed
            assert await journal.expired(*timed) == disk.expired(*timed), timed
        key = f"k{random.randint(0, 40)}"
        assert await journal.find_key(group, key) == disk.find_key(group, key)


async def named_tasks(journal: Journal, chance: Chance) -> None:
    disk = chance.disk
    ids = chance.ids()
    assert await journal.find(ids) == disk.find(ids)
    for _ in range(6):
        filters = chance.filter()
        assert await journal.tasks(filters) == disk.tasks(filters), filters
    for task in chance.ids(6):
        story = await journal.story(task)
        entry = disk.entries.get(task)
        assert (story is None) == (entry is None)
        if story is not None and entry is not None:
            assert story.task == entry.shown()
            assert story.payload == entry.payload
            assert (story.result, story.result_file) == (entry.result, entry.result_file)
            assert story.attempts == entry.attempts


Numbers = list[tuple[int, int, int, float | None]]
"""First id, how many are queued, how many delayed, when the last one ended if none waits."""


def numbers_of_blocks(path: Path) -> Numbers:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT first, queued, delayed, over FROM blocks ORDER BY 1").fetchall()


def expected_numbers(path: Path, chance: Chance) -> Numbers:
    with closing(sqlite3.connect(path)) as db:
        blocks = db.execute("SELECT first, n FROM blocks ORDER BY 1").fetchall()
    assert sum(n for _, n in blocks) == len(chance.disk.entries)
    found: Numbers = []
    for first, n in blocks:
        rows = [chance.disk.entries[task].row for task in range(first, first + n)]
        queued, delayed = (
            sum(row.state == state for row in rows) for state in ("queued", "delayed")
        )
        over = None if queued or delayed else max(row.ended or 0.0 for row in rows)
        found.append((first, queued, delayed, over))
    return found


def test_the_chances_are_not_too_small() -> None:
    """Of everything there is enough, or the test above would show nothing."""
    entries: list[Entry] = []
    keys = 0
    for seed in SEEDS:
        chance = Chance(seed)
        for _ in range(2 * ROUNDS):
            chance.batch()
        entries += chance.disk.entries.values()
        keys += len(chance.disk.keys)
    assert keys > 5
    assert {e.shown().state for e in entries} == {
        "queued",
        "delayed",
        "sent",
        "done",
        "dead",
        "cancelled",
    }
    assert any(e.base for e in entries)
    assert any(len(e.attempts) > 1 for e in entries)
    assert any(e.waits and e.lease and not e.lease.run for e in entries)
