"""What a look at the task table costs does not grow with how many tasks there are of what it asks for."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tmaxd.tasks.records import Closed, Options, Record, State, Submitted, TaskFilter
from tmaxd.world.journal import open_journal
from tmaxd.world.journal.listing import tasks

MANY = 20_000
OPS = 100
"""Instructions of SQLite between two calls of its progress handler."""


def expired(task: int, group: str) -> Closed:
    return Closed(
        id=task, group=group, state="dead", attempt=0, worker=None, run=None, outcome="expired",
        sent=None, started=None, at=2.0, error="late", was="queued",
    )  # fmt: skip


def fill(path: Path) -> None:
    async def write() -> None:
        journal, _ = open_journal(path)
        records: list[Record] = []
        for first, group in ((1, "a"), (1 + MANY, "b")):
            half = MANY // 2
            later = Options(due=9.0)
            records.append(Submitted(first, group, ["x"] * half, 1.0, later))
            records.append(Submitted(first + half, group, ["x"] * half, 1.0))
            records += [expired(task, group) for task in range(first + half, first + MANY)]
        await journal.write(records)
        await journal.close()

    asyncio.run(write())


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path = tmp_path_factory.mktemp("listing") / "state.db"
    fill(path)
    with closing(sqlite3.connect(path)) as found:
        yield found


@pytest.mark.parametrize("state", ["delayed", "dead"])
@pytest.mark.parametrize("group", [None, "a"])
@pytest.mark.parametrize("before", [None, MANY])
def test_a_page_of_few_costs_little(
    db: sqlite3.Connection, state: State, group: str | None, before: int | None
) -> None:
    calls = 0

    def count() -> None:
        nonlocal calls
        calls += 1

    db.set_progress_handler(count, OPS)
    rows = tasks(db, TaskFilter(states=(state,), group=group, before=before, limit=10))
    db.set_progress_handler(None, 0)
    top = MANY - 1 if before else (MANY if group else 2 * MANY)
    if state == "delayed":
        top = MANY // 2 + (0 if group or before else MANY)
    assert [row.id for row in rows] == list(range(top, top - 10, -1))
    assert calls * OPS < MANY, "it looks at no more than it shows"
