"""The real journal where the fake has nothing to show: file modes, versions, damage, what is forgotten."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.waiting import until
from tmaxd.ports import JournalError, Recovered
from tmaxd.tasks.records import (
    Assigned,
    Closed,
    Done,
    Record,
    Requeued,
    RevisionApplied,
    RunEnded,
    RunStarted,
    Submitted,
)
from tmaxd.world.journal import open_journal, room, runs, writer


def submitted(*ids: int, payload: str = "p") -> list[Record]:
    """Each a submit of its own."""
    return [Submitted(i, "g", [payload], 1.0 + i) for i in ids]


def fill(path: Path, tasks: int = 40) -> None:
    """A journal with something in every table of tasks, closed properly."""

    async def body() -> None:
        journal, _ = open_journal(path)
        await journal.write(submitted(*range(1, tasks + 1), payload="x" * 400))
        await journal.write([Assigned(1, "g", "g-1", "r", list(range(1, 9)), [1] * 8, 2.0)])
        await journal.close()

    asyncio.run(body())


def recovered(path: Path) -> Recovered:
    async def body() -> Recovered:
        journal, found = open_journal(path)
        await journal.close()
        return found

    return asyncio.run(body())


def test_only_the_owner_can_read_the_files(tmp_path: Path) -> None:
    async def body() -> None:
        journal, _ = open_journal(tmp_path / "state.db")
        await journal.write(submitted(1))
        await until(lambda: (tmp_path / "state.db-mark").exists(), "the mark is made")
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
        await journal.close()
        assert modes == {
            name: 0o600 for name in ("state.db", "state.db-wal", "state.db-shm", "state.db-mark")
        }

    asyncio.run(body())
    (tmp_path / "state.db").chmod(0o644)
    assert recovered(tmp_path / "state.db").next_id == 2
    assert stat.S_IMODE((tmp_path / "state.db").stat().st_mode) == 0o600


def test_every_commit_waits_for_the_disk(tmp_path: Path) -> None:
    async def body() -> None:
        journal, _ = open_journal(tmp_path / "state.db")
        pragmas = [
            journal._writer._db.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous")
        ]
        await journal.close()
        assert pragmas == ["wal", 2]

    asyncio.run(body())


def test_a_newer_state_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE meta SET value = 4 WHERE key = 'version'")
    db.commit()
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="state version 4, this tmaxd knows versions up to 3"):
        recovered(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: p.write_bytes(b"hello!!!" * 1024), "not a database"),
        (lambda p: p.write_bytes(b""), "the file is empty"),
        (lambda p: (p.unlink(), p.mkdir()), "not a regular file"),
        (lambda p: (p.rename(p.with_name("x")), p.symlink_to("x")), "not a regular file"),
        (lambda p: (p.unlink(), p.with_name("state.db-wal").write_bytes(b"x")), "is missing, but"),
        (lambda p: sqlite3.connect(p).execute("DELETE FROM meta").connection.commit(), "next_id|version"),
    ],
    ids=["other file", "empty", "folder", "link", "wal alone", "no version"],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:unclosed database")
def test_what_is_not_our_state_is_refused(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    path = tmp_path / "state.db"
    fill(path)
    spoil(path)
    names = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(JournalError, match=message):
        recovered(path)
    assert [
        n for n in sorted(p.name for p in tmp_path.iterdir()) if n[-4:] not in ("-wal", "-shm")
    ] == [n for n in names if n[-4:] not in ("-wal", "-shm")]


def test_a_database_cut_short_is_refused_and_never_empty(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)
    whole = path.read_bytes()
    cuts = [*range(0, 200, 33), *range(512, len(whole), len(whole) // 25), len(whole) - 1]
    for size in cuts:
        path.write_bytes(whole[:size])
        with pytest.raises(JournalError, match="cannot be read as our state"):
            recovered(path)
        assert path.read_bytes() == whole[:size]


def test_a_state_of_before_the_first_release_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA journal_mode = WAL")
    db.executescript("CREATE TABLE meta (key, value); INSERT INTO meta VALUES ('version', 1)")
    db.close()
    before = path.read_bytes()
    with pytest.raises(JournalError, match="state version 1 of a tmaxd before its first release"):
        recovered(path)
    assert path.read_bytes() == before


def test_what_is_packed_and_damaged_is_said_to_be_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)
    db = sqlite3.connect(path)
    db.execute("UPDATE payloads SET texts = x'c1c1'")
    db.commit()
    db.close()
    with pytest.raises(JournalError, match="cannot be read as our state"):
        recovered(path)  # the leases name payloads


def test_the_numbers_are_those_of_the_tasks(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)

    async def body() -> None:
        journal, _ = open_journal(path)
        lost = Requeued(
            id=1, group="g", attempt=1, worker="g-1", run="r", outcome="lost", error="", sent=2.0,
            started=None, at=3.0, due=4.0, was="queued",
        )  # fmt: skip
        over = Closed(
            id=2, group="g", state="dead", attempt=1, worker="g-1", run="r", outcome="failed",
            sent=2.0, started=None, at=3.0, error="", was="queued",
        )  # fmt: skip
        done = Done("g", "g-1", "r", 5.0, [(3, 1, 2.0, None, "", None)])
        await journal.write([lost, over, done])
        await journal.close()

    asyncio.run(body())
    db = sqlite3.connect(path)
    kept = db.execute("SELECT grp, state, n FROM counters WHERE n <> 0 ORDER BY 1, 2").fetchall()
    blocks = db.execute(
        "SELECT first, queued, delayed, over FROM blocks WHERE first < 5"
    ).fetchall()
    db.close()
    assert kept == [("g", 0, 37), ("g", 1, 1), ("g", 3, 1), ("g", 4, 1)]
    assert blocks == [(1, 0, 1, None), (2, 0, 0, 3.0), (3, 0, 0, 5.0), (4, 1, 0, None)]


@pytest.mark.parametrize(
    "record",
    [
        Done("g", "g-1", "r", 5.0, [(9, 1, 2.0, None, "", None)]),
        Done("g", "g-1", "r", 5.0, [(10, 1, 2.0, None, "", None), (9, 1, 2.0, None, "", None)]),
        Submitted(40, "g", ["a", "b"], 5.0),
        Submitted(39, "g", ["a", "b", "c"], 5.0),
    ],
    ids=["done twice", "done twice with another", "an id twice", "ids over ids"],
)
def test_a_record_that_contradicts_the_tasks_is_not_written(tmp_path: Path, record: Record) -> None:
    path = tmp_path / "state.db"
    fill(path)

    async def body() -> None:
        journal, _ = open_journal(path)
        await journal.write([Done("g", "g-1", "r", 5.0, [(9, 1, 2.0, None, "", None)])])
        with pytest.raises(JournalError, match="This is a bug in tmaxd"):
            await journal.write([record])
        await journal.close()

    asyncio.run(body())
    found = recovered(path)
    assert (found.next_id, found.counts) == (41, {"g": {"queued": 39, "done": 1}})


def test_a_quiet_wal_has_room_and_holds_what_it_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "QUIET", 0.01)
    path = tmp_path / "live" / "state.db"
    path.parent.mkdir()
    wal = path.with_name("state.db-wal")

    async def body() -> None:
        journal, _ = open_journal(path)
        await until(lambda: wal.stat().st_size >= room.ROOM, "the WAL has room")
        shutil.copytree(path.parent, tmp_path / "empty")
        for i in range(1, 9):
            await journal.write(submitted(i, payload="x" * 900))
        assert wal.stat().st_size == room.ROOM
        shutil.copytree(path.parent, tmp_path / "copy")
        await journal.close()

    asyncio.run(body())
    assert not wal.exists()
    assert recovered(path).next_id == 9
    assert recovered(tmp_path / "copy" / "state.db").next_id == 9
    assert recovered(tmp_path / "empty" / "state.db").next_id == 1


def test_ids_never_return_even_when_their_tasks_are_gone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    fill(path)
    db = sqlite3.connect(path)
    db.execute("DELETE FROM blocks")
    db.commit()
    db.close()
    assert recovered(path).next_id == 41


def test_old_runs_and_revisions_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs, "ENDED_RUNS_KEPT", 5)
    path = tmp_path / "state.db"

    async def body() -> None:
        journal, _ = open_journal(path)
        for i in range(1, 80):
            run = RunStarted(
                run=f"r{i}", worker="g-1", pid=1, start=1, boot_id="b", server_pid=1, server_started=1,
                revision=1, at=1.0,
            )  # fmt: skip
            await journal.write([run, RevisionApplied(i, "d", "", 1.0)])
            if i > 1:
                await journal.write([RunEnded(f"r{i}", 0, None, "asked", 2.0)])
        await journal.close()

    asyncio.run(body())
    assert [run.run for run in recovered(path).runs] == ["r1"]
    db = sqlite3.connect(path)
    names = [row[0] for row in db.execute("SELECT run FROM runs ORDER BY number")]
    revisions = db.execute("SELECT min(number), count(*) FROM revisions").fetchone()
    db.close()
    assert names == ["r1", *(f"r{i}" for i in range(75, 80))]
    assert revisions == (30, 50)
