"""What `state.db` looks like on disk, how it is created, and how it is opened without harm.

A new database is made whole under another name and then renamed, so that a file that is empty or cut short
is always damage and never a beginning. Nothing here deletes or replaces a database that exists.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

from tmaxd.ports import JournalError
from tmaxd.tasks.records import State

VERSION = 1

PAGE = 4096
"""Bytes of a database page; fixed for ever when a database is created."""

QUEUED, DELAYED, SENT, DONE, DEAD = range(5)
"""`tasks.state`."""

STATE_NAMES: tuple[State, ...] = ("queued", "delayed", "sent", "done", "dead")

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE tasks (
    id INTEGER PRIMARY KEY, grp TEXT NOT NULL, state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,           -- spent while it waits, else the one under way or the last
    at REAL NOT NULL,                   -- submitted
    due REAL, worker TEXT, run TEXT, sent REAL, started REAL, ended REAL,
    outcome TEXT, error TEXT, result TEXT, result_file TEXT,
    payload TEXT NOT NULL               -- last, so that a long one is not read past to reach the others
);
CREATE INDEX tasks_queued ON tasks (grp, id) WHERE state = 0;
CREATE INDEX tasks_delayed ON tasks (grp, due, id) WHERE state = 1;
CREATE INDEX tasks_sent ON tasks (id) WHERE state = 2;
CREATE INDEX tasks_ended ON tasks (ended) WHERE state >= 3;
CREATE INDEX tasks_dead ON tasks (grp, id) WHERE state = 4;

CREATE TABLE attempts (                 -- all but the last of each task, which stands in tasks
    task INTEGER NOT NULL, attempt INTEGER NOT NULL, worker TEXT NOT NULL, run TEXT NOT NULL,
    outcome TEXT NOT NULL, error TEXT NOT NULL, started REAL, ended REAL NOT NULL
);
CREATE INDEX attempts_task ON attempts (task);

CREATE TABLE counters (grp TEXT NOT NULL, state INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (grp, state)) WITHOUT ROWID;

CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE, worker TEXT NOT NULL,
    pid INTEGER NOT NULL, start INTEGER NOT NULL, boot_id TEXT NOT NULL,
    server_pid INTEGER NOT NULL, server_started INTEGER NOT NULL,
    revision INTEGER NOT NULL, at REAL NOT NULL,
    ready INTEGER NOT NULL DEFAULT 0, window INTEGER NOT NULL DEFAULT 1,
    form TEXT NOT NULL DEFAULT 'json',
    ended REAL, status INTEGER, signal INTEGER, reason TEXT
);
CREATE INDEX runs_open ON runs (number) WHERE ended IS NULL;

CREATE TABLE revisions (number INTEGER PRIMARY KEY, digest TEXT NOT NULL, applied REAL NOT NULL,
    text TEXT NOT NULL);
"""


def prepare(path: Path) -> None:
    """Make sure that a database of our version stands at `path`, private to its owner. Raises JournalError."""
    try:
        info = path.lstat()
    except FileNotFoundError:
        _create(path)
        return
    except OSError as error:
        raise JournalError(f"{path}: cannot be looked at: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
        raise JournalError(f"{path}: is not a regular file of ours; move it away to begin anew")
    if info.st_size == 0:
        raise JournalError(damaged(path, "the file is empty"))
    if info.st_size % PAGE and not _size(wal_of(path)):
        # SQLite takes the missing end of a last page for zeros. With a WAL the page may stand there.
        raise JournalError(damaged(path, f"its {info.st_size} bytes end within a page"))
    path.chmod(0o600)


def wal_of(path: Path) -> Path:
    return path.with_name(path.name + "-wal")


def _size(path: Path) -> int:
    """Bytes; 0 when there is no such file."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def damaged(path: Path, why: str) -> str:
    return (
        f"{path}: cannot be read as our state: {why}. It is left as it is; put back a copy, or move it"
        " away together with its -wal and -shm files to begin anew without the tasks it holds"
    )


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which every commit is on disk when it returns (WAL with synchronous FULL,
    https://sqlite.org/pragma.html#pragma_synchronous). May be used from any thread, one at a time."""
    db = sqlite3.connect(path.as_uri() + "?mode=rw", uri=True, isolation_level=None, timeout=5,
                         check_same_thread=False)  # fmt: skip
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA cache_size = -4096")  # KiB: the daemon's memory has a budget
    db.execute("PRAGMA journal_size_limit = 67108864")  # a WAL that grew during a long read shrinks
    return db


def check_version(db: sqlite3.Connection, path: Path) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    version = row[0] if row else None
    if not isinstance(version, int) or version < 1:
        raise JournalError(damaged(path, f"its version is {version!r}"))
    if version > VERSION:
        raise JournalError(
            f"{path}: has state version {version}, this tmaxd knows versions up to {VERSION};"
            " start the newer tmaxd that wrote it. Nothing was changed"
        )


def _create(path: Path) -> None:
    wal = wal_of(path)
    if wal.exists():
        raise JournalError(
            f"{path}: is missing, but {wal.name} beside it holds a part of it; put the file back, or"
            " move both away to begin anew"
        )
    fresh = path.with_name(path.name + ".new")
    try:
        for suffix in ("", "-journal", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        db = sqlite3.connect(fresh, isolation_level=None)
        try:
            db.execute(f"PRAGMA page_size = {PAGE}")
            # Nobody has the file before it is renamed: one fsync then, for sixteen while it is made.
            db.execute("PRAGMA synchronous = OFF")
            # WAL is a property of the file; a reader must never find it in another mode
            db.executescript(f"BEGIN;{TABLES}COMMIT;")
            db.executemany("INSERT INTO meta VALUES (?, ?)", [("version", VERSION), ("next_id", 1)])
            db.execute("PRAGMA journal_mode = WAL")
        finally:
            db.close()
        _sync(fresh, os.O_RDWR)
        fresh.rename(path)
        _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, sqlite3.Error) as error:
        raise JournalError(f"{path}: cannot be created: {error}") from error


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
