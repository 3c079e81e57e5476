"""`memory.db`: how it begins, what is damage, and what stays when the process is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.contract.store_worlds import LIMITS, NOW
from tmaxd.ports.store import StoreError
from tmaxd.store.entries import Delete, Incr, Put
from tmaxd.store.limits import Bounds, Limits
from tmaxd.world.store import SqliteStore, commit, reading
from tmaxd.world.store.reading import PAGE_BYTES, SEARCH_ROWS

Body = Callable[[SqliteStore], Coroutine[Any, Any, None]]


def play(path: Path, body: Body) -> None:
    async def whole() -> None:
        store = SqliteStore(path)
        try:
            await body(store)
        finally:
            await store.close()

    asyncio.run(whole())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


async def put(store: SqliteStore, key: str = "k") -> None:
    await store.write([Put("a", key, "json", b"1")], NOW, LIMITS)


def made(path: Path) -> None:
    play(path, put)


def test_reading_makes_nothing_and_the_first_write_a_private_file(path: Path) -> None:
    async def body(store: SqliteStore) -> None:
        assert await store.begin() is None
        assert await store.get([("a", "k")]) == {}
        assert (await store.search("a", "", "x", "", 1, NOW)).entries == ()
        assert not path.exists()
        await put(store)
        assert path.stat().st_mode & 0o777 == 0o600
        assert not list(path.parent.glob("*.new*"))

    play(path, body)
    assert [p.name for p in path.parent.iterdir()] == ["memory.db"]


def empty(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    made(path)
    os.truncate(path, 5000)


def other(path: Path) -> None:
    path.write_bytes(b"not a database" * 512 + bytes(1024))


def newer(path: Path) -> None:
    made(path)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = 99 WHERE key = 'version'")
    db.close()


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE meta (key, value)")
    db.close()


def a_folder(path: Path) -> None:
    path.mkdir()


def a_link(path: Path) -> None:
    made(path.with_name("elsewhere.db"))
    path.symlink_to("elsewhere.db")


def without_its_file(path: Path) -> None:
    path.with_name("memory.db-wal").write_bytes(b"x" * 100)


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (empty, "the file is empty"),
        (cut, "end within a page"),
        (other, "cannot be read as our memory store"),
        (newer, "version 99, this tmaxd knows versions up to 1"),
        (foreign, "its version is None"),
        (a_folder, "not a regular file"),
        (a_link, "not a regular file"),
        (without_its_file, "is missing, but memory.db-wal beside it"),
    ],
)
def test_damage_is_told_and_left_as_it_is(
    path: Path, damage: Callable[[Path], None], why: str
) -> None:
    damage(path)
    before = {p.name: p.read_bytes() for p in path.parent.iterdir() if p.is_file()}

    async def body(store: SqliteStore) -> None:
        for _ in range(2):
            with pytest.raises(StoreError, match=why):
                await store.begin()
            with pytest.raises(StoreError, match=why):
                await put(store)
        assert why in (store.trouble() or "")

    play(path, body)
    after = {p.name: p.read_bytes() for p in path.parent.iterdir() if p.is_file()}
    # Whoever looks at a database in WAL mode makes an empty WAL, and a file for its locks.
    assert {n: d for n, d in after.items() if d and not n.endswith("-shm")} == {
        n: d for n, d in before.items() if d
    }


def test_it_goes_on_when_the_damage_is_mended(path: Path) -> None:
    async def body(store: SqliteStore) -> None:
        await put(store)
        assert store.trouble() is None

    async def first(store: SqliteStore) -> None:
        empty(path)
        with pytest.raises(StoreError):
            await put(store)
        path.unlink()
        await body(store)

    play(path, first)


def test_what_was_answered_is_there_after_a_kill(path: Path) -> None:
    """And what was not is there whole or not at all."""
    program = (
        "import asyncio, sys, pathlib\n"
        "from tmaxd.world.store import SqliteStore\n"
        "from tmaxd.store.entries import Incr, Put\n"
        "from tmaxd.store.limits import Limits\n"
        "async def main():\n"
        "    s = SqliteStore(pathlib.Path(sys.argv[1]))\n"
        "    for i in range(1, 100000):\n"
        "        await s.write([Incr('a', 'n'), Put('a', 'same', 'json', b'%d' % i)], 1.0, Limits())\n"
        "        print(i, flush=True)\n"
        "asyncio.run(main())\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        for _ in range(50):
            process.stdout.readline()
    finally:
        process.send_signal(signal.SIGKILL)
        rest, _ = process.communicate()
    answered = max([50, *(int(line) for line in rest.split(b"\n")[:-1])])

    async def body(store: SqliteStore) -> None:
        found = await store.get([("a", "n"), ("a", "same")])
        counted = int(found["a", "n"].data)
        assert counted in (answered, answered + 1)
        assert int(found["a", "same"].data) == counted

    play(path, body)


def test_large_values_end_a_page(path: Path) -> None:
    async def body(store: SqliteStore) -> None:
        size = PAGE_BYTES // 3
        limits = Limits(max_value=size)
        for i in range(5):
            await store.write([Put("a", f"k{i}", "bytes", bytes(size))], NOW, limits)
        page = await store.page("a", "", "", 100, NOW, values=True)
        assert [len(e.data) for e in page.entries] == [size] * 4
        assert page.after == "k3"
        page = await store.page("a", "", "k3", 100, NOW, values=True)
        assert ([e.key for e in page.entries], page.after) == (["k4"], None)
        assert len((await store.page("a", "", "", 100, NOW, values=False)).entries) == 5

    play(path, body)


def test_a_search_looks_at_so_many_and_says_where_it_ended(path: Path) -> None:
    async def body(store: SqliteStore) -> None:
        keys = [f"k{i:06}" for i in range(SEARCH_ROWS + 10)]
        for begin in range(0, len(keys), 4096):
            await store.write(
                [Put("a", key, "json", b"1") for key in keys[begin : begin + 4096]], NOW, LIMITS
            )
        page = await store.search("a", "", keys[-1], "", 10, NOW)
        assert (page.entries, page.after) == ((), keys[SEARCH_ROWS - 1])
        page = await store.search("a", "", keys[-1], page.after or "", 10, NOW)
        assert ([e.key for e in page.entries], page.after) == ([keys[-1]], None)
        found, after = await store.old(NOW, ("none",), 0, 10)
        assert (found, after) == ([], SEARCH_ROWS)

    play(path, body)


def test_every_question_goes_by_an_index(path: Path) -> None:
    """However many entries there are, and whatever SQLite guesses of them."""

    async def body(store: SqliteStore) -> None:
        operations = [Put("a", f"k{i}", "json", b"1", 5.0) for i in range(600)]
        await store.write(operations, NOW, LIMITS)

    play(path, body)
    db = sqlite3.connect(path)
    plans: list[str] = []
    asked: list[str] = []
    db.set_trace_callback(asked.append)

    db.isolation_level = None
    db.execute("BEGIN")
    tight = Limits(named={"a": Bounds(max_keys=100)})
    batch = commit.Batch(
        [Put("a", "k1", "json", b"2"), Delete("a", "k2"), Incr("a", "n")],
        NOW,
        tight,
        ((("a", "k3"), 9),),
        (5, 6),
    )
    commit.apply(db, [batch])
    reading.get(db, [("a", "k4")])
    reading.page(db, "a", "k", "k1", 10, NOW, values=True)
    reading.search(db, "a", "k", "x", "", 10, NOW)
    reading.expired(db, NOW + 9, 10)
    reading.old(db, NOW, (), 3, 10)
    db.set_trace_callback(None)
    for statement in asked:
        if statement.startswith(("SELECT", "UPDATE", "DELETE", "INSERT INTO entries")):
            plans += [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {statement}")]
    db.execute("ROLLBACK")
    db.close()
    assert len(plans) > 20
    assert not [p for p in plans if p.startswith("SCAN e") and "USING" not in p], plans
    assert not [p for p in plans if "TEMP B-TREE" in p], plans


def test_after_its_end_it_says_so(path: Path) -> None:
    async def body(store: SqliteStore) -> None:
        await put(store)
        await store.close()
        with pytest.raises(StoreError, match="closed"):
            await put(store)
        with pytest.raises(StoreError, match="closed"):
            await store.get([("a", "k")])

    play(path, body)


def test_a_full_disk_fails_the_write_and_nothing_else(path: Path) -> None:
    async def body(store: SqliteStore) -> None:
        await put(store)
        writer = store._writer
        assert writer is not None
        assert writer._db is not None
        writer._db.execute("PRAGMA max_page_count = 1")
        large = Limits(max_value=1 << 22)
        with pytest.raises(StoreError, match="full; nothing of it was stored"):
            await store.write([Put("a", "large", "bytes", bytes(1 << 20))], NOW, large)
        assert "full" in (store.trouble() or "")
        await put(store, "after")
        assert store.trouble() is None
        assert set(await store.get([("a", k) for k in ("k", "large", "after")])) == {
            ("a", "k"),
            ("a", "after"),
        }

    play(path, body)


def test_deleting_says_nothing_of_limits(path: Path) -> None:
    """Whatever else is in the commit, the limits of those who store hold."""
    made(path)
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("BEGIN")
        few = Limits(named={"a": Bounds(max_keys=2)})
        stored = commit.Batch([Put("a", f"k{i}", "json", b"1") for i in range(4)], NOW, few)
        deleted = commit.Batch(now=NOW, doomed=[99])
        _, done = commit.apply(db, [stored, deleted])
        assert done.totals["a"].keys == 2
        # A deletion alone takes nothing but what it names, also of what is over the limits that nobody has set.
        db.execute("UPDATE namespaces SET keys = 5000000")
        _, done = commit.apply(db, [commit.Batch(now=NOW, doomed=[done.seq - 2])])
        assert {change.what for change in done.changes} <= {"expire"}
        assert done.over == []
    finally:
        db.close()
