"""The real journal forgets while all kinds of things happen to tasks, and answers as its twin does of what is left."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Literal

import pytest

from tests.world.journal_chance import GROUPS, Chance
from tests.world.test_journal_twin import by_group, named_tasks, waiting_tasks
from tmaxd.ports import Journal, JournalError
from tmaxd.tasks.records import Done, Purge, Purged, Submitted
from tmaxd.testing.durable_purge import GOES
from tmaxd.world.journal import forget as forgetting
from tmaxd.world.journal import open_journal, purge

ROUNDS = 25
Blocks = list[tuple[int, int, float | None]]
Kind = Literal["tasks", "dead"]
KINDS: tuple[Kind, ...] = ("tasks", "dead")


@pytest.mark.parametrize("seed", range(8))
def test_what_is_left_is_as_it_was(tmp_path: Path, seed: int) -> None:
    chance = Chance(seed)
    path = tmp_path / "state.db"
    went: Counter[str] = Counter()

    async def body() -> None:
        for _ in range(ROUNDS):
            journal, found = open_journal(path)
            assert by_group(found) == by_group(chance.disk.recover())
            for _ in range(chance.random.randint(1, 4)):
                await journal.write(chance.batch())
            for what in chance.random.sample(KINDS, chance.random.randint(0, 2)):
                went[what] += await forget(journal, path, chance, what)
            await waiting_tasks(journal, chance)
            await named_tasks(journal, chance)
            await journal.close()

    asyncio.run(body())
    assert whole(path) == []
    assert went.total() > 3, "the chances are too small"


async def forget(journal: Journal, path: Path, chance: Chance, what: Kind) -> int:
    """Purge, and have the twin forget what must be gone now."""
    random, disk = chance.random, chance.disk
    groups = tuple(random.sample(GROUPS, random.choice((0, 0, 0, 1, 2))))
    wish = Purge(
        what=what, before=chance.now - random.choice((-1, -1, -1, 0, 30)), groups=groups, limit=99
    )
    expected = [
        task
        for first, n, over in blocks(path)
        if over is not None and over < wish.before
        for task in range(first, first + n)
        if disk.entries[task].row.state in GOES[what]
        and (not groups or disk.entries[task].row.group in groups)
    ]
    assert all(disk.entries[task].row.ended < wish.before for task in expected)  # type: ignore[operator]
    parts = await every(journal, wish)
    assert sum(part.count for part in parts) == len(expected)
    files = {disk.entries[task].result_file for task in expected} - {None}
    assert {file for part in parts for file in part.files} == files
    for task in expected:
        row = disk.entries.pop(task).row
        if row.key is not None:
            del disk.keys[row.group, row.key]
    return len(expected)


async def every(journal: Journal, wish: Purge) -> list[Purged]:
    from msgspec.structs import replace

    parts = [await journal.purge(wish)]
    while (after := parts[-1].next) is not None:
        parts.append(await journal.purge(replace(wish, after=after)))
    return parts


def blocks(path: Path) -> Blocks:
    with closing(sqlite3.connect(path)) as db:
        return db.execute("SELECT first, n, over FROM blocks").fetchall()


def whole(path: Path) -> list[str]:
    """What does not fit together in the database."""
    checks = {
        "blocks without payloads": "SELECT first FROM blocks EXCEPT SELECT first FROM payloads",
        "payloads without blocks": "SELECT first FROM payloads EXCEPT SELECT first FROM blocks",
        "singles of no block": "SELECT id FROM singles WHERE NOT EXISTS (SELECT 1 FROM blocks"
        " WHERE id BETWEEN first AND first + n - 1)",
        "attempts of no task": "SELECT task FROM attempts WHERE NOT EXISTS (SELECT 1 FROM blocks"
        " WHERE task BETWEEN first AND first + n - 1)",
        "ends of no block": "SELECT id FROM ends WHERE NOT EXISTS (SELECT 1 FROM blocks"
        " WHERE id BETWEEN first AND first + n - 1)",
        "counts below nothing": "SELECT grp FROM counters WHERE n < 0",
    }
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        return [name for name, query in checks.items() if db.execute(query).fetchall()]


def test_room_is_used_again(tmp_path: Path) -> None:
    """The file keeps its size, and does not grow while tasks come and are forgotten."""
    path = tmp_path / "state.db"
    sizes: list[int] = []

    async def body() -> None:
        journal, _ = open_journal(path)
        first = 1
        for turn in range(6):
            for _ in range(20):
                tasks = range(first, first + 256)
                await journal.write([Submitted(first, "g", ["x" * 100] * 256, float(turn))])
                ends = [(task, 1, 1.0, 1.0, "y" * 100, None) for task in tasks]
                await journal.write([Done("g", "g-1", "r", float(turn), ends)])
                first += 256
            parts = await every(journal, Purge(what="tasks", before=turn + 1.0))
            assert sum(part.count for part in parts) == 20 * 256
            assert sum(part.bytes for part in parts) > 20 * 256 * 200
            with closing(sqlite3.connect(path)) as db:
                sizes.append(db.execute("PRAGMA page_count").fetchone()[0])
        await journal.close()

    asyncio.run(body())
    assert max(sizes) <= sizes[0] * 1.05


def test_a_slice_that_fails_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the disk is full in the middle of it; and the journal goes on."""
    path = tmp_path / "state.db"
    real = forgetting.forget

    def full(db: sqlite3.Connection, plan: object) -> None:
        real(db, plan)  # type: ignore[arg-type]
        raise sqlite3.OperationalError("database or disk is full")

    async def body() -> None:
        journal, _ = open_journal(path)
        await journal.write([Submitted(1, "g", ["p"] * 300, 1.0)])
        ends = [(task, 1, 1.0, 1.0, "r", None) for task in range(1, 301)]
        await journal.write([Done("g", "g-1", "r", 1.0, ends)])
        monkeypatch.setattr(purge, "forget", full)
        with pytest.raises(JournalError, match="disk is full; nothing of it was done"):
            await journal.purge(Purge(what="tasks", before=9.0))
        monkeypatch.undo()
        await journal.write([Submitted(301, "g", ["p"], 1.0)])
        assert len(await journal.find(range(1, 302))) == 301
        assert (await journal.purge(Purge(what="tasks", before=9.0))).count == 300
        await journal.close()

    asyncio.run(body())
    assert whole(path) == []


def test_after_it_was_closed_nothing_is_forgotten(tmp_path: Path) -> None:
    async def body() -> None:
        journal, _ = open_journal(tmp_path / "state.db")
        await journal.close()
        with pytest.raises(JournalError, match="is closed"):
            await journal.purge(Purge(what="tasks", before=9.0))

    asyncio.run(body())


def test_nothing_to_forget_costs_no_commit(tmp_path: Path) -> None:
    path = tmp_path / "state.db"

    async def body() -> None:
        journal, _ = open_journal(path)
        await journal.write([Submitted(1, "g", ["p"], 1.0)])
        before = commits(path)
        assert (await journal.purge(Purge(what="tasks", before=9.0))).count == 0
        assert commits(path) == before
        await journal.close()

    asyncio.run(body())


def commits(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        found = db.execute("SELECT value FROM meta WHERE key = 'commits'").fetchone()
        return int(found[0])


def test_pieces_of_any_order_are_cut(tmp_path: Path) -> None:
    """What one run has done at once may lie anywhere within 256 ids, in any order."""
    path = tmp_path / "state.db"
    random = Random(3)

    async def body() -> None:
        journal, _ = open_journal(path)
        for first in range(1, 601, 3):
            await journal.write([Submitted(first, "g", ["p"] * 3, 1.0)])
        ids = list(range(1, 601))
        random.shuffle(ids)
        for begin in range(0, 600, 50):
            some = ids[begin : begin + 50]
            at = 10.0 + begin // 50
            ends = [(task, 1, 1.0, 1.0, f"r{task}", None) for task in some]
            await journal.write([Done("g", "g-1", "r", at, ends)])
        before = set(ids)
        for at in (14.0, 17.5, 30.0):
            await every(journal, Purge(what="tasks", before=at, limit=20))
            left = {row.id for row in await journal.find(ids)}
            assert left < before
            for task in random.sample(sorted(left), min(30, len(left))):
                story = await journal.story(task)
                assert story is not None
                assert story.result == f"r{task}"
            before = left
        assert not before
        await journal.close()

    asyncio.run(body())
    assert whole(path) == []
