"""A look at a database from outside: what it says, and that it leaves nothing behind."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tmaxd.world.journal import schema
from tmaxd.world.state_look import look
from tmaxd.world.store import schema as store


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "state.db"
    schema.prepare(path)
    return path


def told(path: Path, at: float) -> None:
    with closing(schema.connect(path)) as db:
        db.execute(
            "INSERT INTO events VALUES (NULL, ?, ?, 1, 'info', 'ready', '', '', '', '{}')", (at, at)
        )


def test_a_whole_one(database: Path) -> None:
    told(database, 1000.0)
    before = sorted(os.listdir(database.parent))
    found = look(database, "state", deep=True)
    assert found.there
    assert (found.uid, found.mode, found.trouble) == (os.getuid(), 0o600, "")
    assert (found.version, found.known) == (schema.VERSION, schema.VERSION)
    assert (found.latest, found.damage) == (1000.0, ())
    assert look(database, "state").damage is None
    assert sorted(os.listdir(database.parent)) == before


def test_what_a_daemon_has_just_written_is_seen(database: Path) -> None:
    told(database, 1000.0)
    with closing(schema.connect(database)) as db:
        db.execute("UPDATE events SET at = 2000")
        found = look(database, "state", in_use=True)
        assert found.latest == 2000.0
        assert found.wal > 0


def test_the_memory_store(tmp_path: Path) -> None:
    path = tmp_path / "memory.db"
    assert not look(path, "memory").there
    store.prepare(path, create=True)
    found = look(path, "memory")
    assert (found.version, found.known, found.trouble) == (store.VERSION, store.VERSION, "")


def test_a_newer_one_is_only_asked_for_its_version(database: Path) -> None:
    with closing(schema.connect(database)) as db:
        db.execute("UPDATE meta SET value = 99 WHERE key = 'version'")
        db.execute("DROP TABLE events")
    assert look(database, "state").version == 99
    assert look(database, "state").trouble == ""


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "empty"), (b"x" * 100, "within a page"), (b"x" * 8192, "not a database")],
)
def test_what_is_no_database(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(content)
    assert words in look(path, "state").trouble
    assert path.read_bytes() == content


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "fifo")
    for name in ("folder", "link", "fifo"):
        assert look(tmp_path / name, "state").trouble == "it is no regular file"


def test_a_database_without_our_tables(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE other (a)")
        db.commit()
    assert "no such table" in look(path, "state").trouble
