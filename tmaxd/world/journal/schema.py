"""What `state.db` looks like on disk, how it is created, and how it is opened without harm.

A new database is made whole under another name and then renamed, so that a file that is empty or cut short
is always damage and never a beginning. Nothing here deletes or replaces a database that exists.

A task has no row of its own as long as there is nothing to say about it alone. It is submitted with others as one
block, and done with others as one end; what makes it a single (a failure, a delay, its death) adds a row. That costs a
fifth of the time that a row a task and its indexes do (measured), and 256 waiting tasks are one row to read.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from pathlib import Path

from tmaxd.ports import JournalError
from tmaxd.tasks.records import State

VERSION = 3
"""Versions 1 and 2 were never released."""

PAGE = 4096
"""Bytes of a database page; fixed for ever when a database is created."""

QUEUED, DELAYED, SENT, DONE, DEAD, CANCELLED = range(6)
"""`singles.state` and `counters.state`. SENT stands in neither: a lease says so."""

STATEMENTS = 256
"""Prepared statements that a connection keeps: more than there are, each in all its sizes."""

STATE_NAMES: tuple[State, ...] = ("queued", "delayed", "sent", "done", "dead", "cancelled")

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE blocks (                   -- up to 256 tasks with ids in a row, submitted together
    first INTEGER PRIMARY KEY, n INTEGER NOT NULL,
    grp TEXT NOT NULL, priority INTEGER NOT NULL, at REAL NOT NULL,
    queued INTEGER NOT NULL, delayed INTEGER NOT NULL,        -- how many of them wait, and how
    marked INTEGER NOT NULL,            -- 1: some of them have a row in singles
    over REAL,                          -- when the last of them ended
    expires REAL, key TEXT, affinity TEXT, source INTEGER, hops INTEGER NOT NULL,
    CHECK (queued >= 0 AND delayed >= 0 AND queued + delayed <= n)
);
CREATE INDEX blocks_lane ON blocks (grp, priority, first) WHERE queued > 0;
CREATE INDEX blocks_expiry ON blocks (grp, expires, first) WHERE expires IS NOT NULL AND queued + delayed > 0;
CREATE INDEX blocks_over ON blocks (over) WHERE over IS NOT NULL;
CREATE UNIQUE INDEX blocks_key ON blocks (key, grp) WHERE key IS NOT NULL;
CREATE INDEX blocks_source ON blocks (source, first) WHERE source IS NOT NULL;

CREATE TABLE payloads (first INTEGER PRIMARY KEY, texts BLOB NOT NULL);     -- see pack

CREATE TABLE singles (                  -- tasks of which more is to be said than their block does
    id INTEGER PRIMARY KEY, grp TEXT NOT NULL, state INTEGER NOT NULL,
    attempt INTEGER NOT NULL,           -- spent while it waits, else the last
    base INTEGER NOT NULL DEFAULT 0,    -- those that count against no limit
    forgiven INTEGER NOT NULL DEFAULT 0,                      -- 1: revived, so it never expires
    due REAL, worker TEXT, run TEXT, sent REAL, started REAL, ended REAL, outcome TEXT, error TEXT
);
CREATE INDEX singles_delayed ON singles (grp, due, id) WHERE state = 1;
CREATE INDEX singles_delayed_id ON singles (grp, id) WHERE state = 1;
CREATE INDEX singles_ended ON singles (state, grp, id) WHERE state >= 4;

CREATE TABLE ends (                     -- tasks that one run has done, ids within 256 of each other
    id INTEGER PRIMARY KEY,             -- the lowest
    grp TEXT NOT NULL, worker TEXT NOT NULL, run TEXT NOT NULL, at REAL NOT NULL,
    offsets BLOB NOT NULL, tasks BLOB NOT NULL                              -- see pack
);

CREATE TABLE attempts (                 -- all but the last of each task
    task INTEGER NOT NULL, attempt INTEGER NOT NULL, worker TEXT NOT NULL, run TEXT NOT NULL,
    outcome TEXT NOT NULL, error TEXT NOT NULL, sent REAL NOT NULL, started REAL, ended REAL NOT NULL
);
CREATE INDEX attempts_task ON attempts (task);

CREATE TABLE sends (                    -- leases; valid for those of its tasks that wait for this attempt
    send INTEGER PRIMARY KEY, grp TEXT NOT NULL, worker TEXT NOT NULL, run TEXT NOT NULL, at REAL NOT NULL,
    timeout REAL,                       -- seconds that each of its tasks may take; NULL: any time
    tasks BLOB NOT NULL                                                     -- see pack
);

CREATE TABLE counters (grp TEXT NOT NULL, state INTEGER NOT NULL, n INTEGER NOT NULL,
    PRIMARY KEY (grp, state)) WITHOUT ROWID;

CREATE TABLE runs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, run TEXT NOT NULL UNIQUE, worker TEXT NOT NULL,
    pid INTEGER NOT NULL, start INTEGER NOT NULL, boot_id TEXT NOT NULL,
    server_pid INTEGER NOT NULL, server_started INTEGER NOT NULL,
    revision INTEGER NOT NULL, at REAL NOT NULL,
    log_file INTEGER NOT NULL, log_size INTEGER NOT NULL,       -- where its output begins
    said INTEGER NOT NULL DEFAULT 0, ready INTEGER NOT NULL DEFAULT 0, window INTEGER NOT NULL DEFAULT 1,
    form TEXT NOT NULL DEFAULT 'json', batch INTEGER NOT NULL DEFAULT 0, beats INTEGER NOT NULL DEFAULT 0,
    ended REAL, status INTEGER, signal INTEGER, reason TEXT
);
CREATE INDEX runs_open ON runs (number) WHERE ended IS NULL;

CREATE TABLE revisions (number INTEGER PRIMARY KEY, digest TEXT NOT NULL, applied REAL NOT NULL,
    text TEXT NOT NULL, cause TEXT NOT NULL);

CREATE TABLE events (                   -- repeats are folded: `n` times, from `first` to `at`
    seq INTEGER PRIMARY KEY, at REAL NOT NULL, first REAL NOT NULL, n INTEGER NOT NULL, level TEXT NOT NULL,
    name TEXT NOT NULL, worker TEXT NOT NULL, grp TEXT NOT NULL, reason TEXT NOT NULL, fields TEXT NOT NULL
);
CREATE INDEX events_worker ON events (worker, seq) WHERE worker <> '';

CREATE TABLE kept (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
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
        raise JournalError(
            f"{path}: is not a regular file of ours; move it away, and its -mark file, to begin anew"
        )
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
        " away together with its -wal, -shm and -mark files to begin anew without the tasks it holds"
    )


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which every commit is on disk when it returns (WAL with synchronous FULL,
    https://sqlite.org/pragma.html#pragma_synchronous). May be used from any thread, one at a time."""
    db = sqlite3.connect(path.as_uri() + "?mode=rw", uri=True, isolation_level=None, timeout=5,
                         check_same_thread=False, cached_statements=STATEMENTS)  # fmt: skip
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # What is deleted is not overwritten for its own sake: a clean-up of a million tasks would write them once more.
    db.execute("PRAGMA secure_delete = FAST")
    db.execute("PRAGMA cache_size = -4096")  # KiB: the daemon's memory has a budget
    db.execute("PRAGMA journal_size_limit = 67108864")  # a WAL that grew during a long read shrinks
    return db


def check_version(db: sqlite3.Connection, path: Path) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    version = row[0] if row else None
    if not isinstance(version, int) or version < 1:
        raise JournalError(damaged(path, f"its version is {version!r}"))
    if version < VERSION:
        raise JournalError(
            f"{path}: has state version {version} of a tmaxd before its first release, which this one cannot read;"
            " move it away together with its -wal, -shm and -mark files to begin anew. Nothing was changed"
        )
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
            " move that away too, and its -mark file, to begin anew"
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
