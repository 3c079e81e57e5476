"""What `memory.db` looks like on disk, how it is created, and how it is opened without harm.

As with the journal (`tmaxd.world.journal.schema`), a new database is made whole under another name and then renamed, so
that a file that is empty or cut short is damage and never a beginning; nothing here deletes or replaces what exists.

An entry's row has its version for a key, which each write makes anew: rows are appended, and those that have not been
written for long are the first.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Final

from tmaxd.ports.store import StoreError
from tmaxd.world.journal.schema import PAGE, connect, wal_of

VERSION: Final = 1

KINDS: Final = ("json", "bytes")
"""By the number in `entries.kind`."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;

CREATE TABLE namespaces (               -- those that hold something
    number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,
    keys INTEGER NOT NULL, bytes INTEGER NOT NULL,
    CHECK (keys > 0 AND bytes > 0)
);

CREATE TABLE entries (
    version INTEGER PRIMARY KEY, ns INTEGER NOT NULL, key TEXT NOT NULL,
    kind INTEGER NOT NULL, size INTEGER NOT NULL,             -- bytes of key and value
    written REAL NOT NULL, expires REAL,
    used INTEGER NOT NULL,              -- when it was used last: twice its version, or twice the number of the last
                                        -- change when it was read, and one; not written down at once
    data BLOB NOT NULL
);
CREATE UNIQUE INDEX entries_key ON entries (ns, key);
CREATE INDEX entries_used ON entries (ns, used);
CREATE INDEX entries_expires ON entries (expires) WHERE expires IS NOT NULL;
"""


def prepare(path: Path, *, create: bool) -> bool:
    """Make sure that a database stands at `path`, private to its owner. False: there is none, and none is to be made.
    Raises StoreError."""
    try:
        info = path.lstat()
    except FileNotFoundError:
        return _missing(path, create=create)
    except OSError as error:
        raise StoreError(f"{path}: cannot be looked at: {error.strerror}") from error
    if not stat.S_ISREG(info.st_mode) or info.st_uid != os.geteuid():
        raise StoreError(f"{path}: is not a regular file of ours; move it away to begin anew")
    if info.st_size == 0:
        raise StoreError(damaged(path, "the file is empty"))
    if info.st_size % PAGE and not _size(wal_of(path)):
        raise StoreError(damaged(path, f"its {info.st_size} bytes end within a page"))
    path.chmod(0o600)
    return True


def damaged(path: Path, why: str) -> str:
    return (
        f"{path}: cannot be read as our memory store: {why}. It is left as it is, and the fleet works on without it;"
        " put back a copy, or move it away together with its -wal and -shm files to begin anew"
    )


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a database of our version. Raises StoreError; the file is then as it was."""
    try:
        # First by one that may only read: to make it write ahead would change a file that is none of ours.
        with closing(sqlite3.connect(path.as_uri() + "?mode=ro", uri=True, timeout=5)) as db:
            _check_version(db, path)
        return connect(path)
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path}: cannot be read: {error}") from error
    except sqlite3.Error as error:
        raise StoreError(damaged(path, str(error))) from error


def _check_version(db: sqlite3.Connection, path: Path) -> None:
    row = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
    version = row[0] if row else None
    if not isinstance(version, int) or version < 1:
        raise StoreError(damaged(path, f"its version is {version!r}"))
    if version > VERSION:
        raise StoreError(
            f"{path}: has version {version}, this tmaxd knows versions up to {VERSION}; start the newer tmaxd that"
            " wrote it. Nothing was changed"
        )


def _size(path: Path) -> int:
    """Bytes; 0 when there is no such file."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


def _missing(path: Path, *, create: bool) -> bool:
    wal = wal_of(path)
    if _size(wal):
        raise StoreError(
            f"{path}: is missing, but {wal.name} beside it holds a part of it; put the file back, or move that away"
            " too to begin anew"
        )
    if create:
        _create(path)
    return create


def _create(path: Path) -> None:
    fresh = path.with_name(path.name + ".new")
    try:
        for suffix in ("", "-journal", "-wal", "-shm"):
            fresh.with_name(fresh.name + suffix).unlink(missing_ok=True)
        os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_NOFOLLOW, 0o600))
        db = sqlite3.connect(fresh, isolation_level=None)
        try:
            db.execute(f"PRAGMA page_size = {PAGE}")
            # Nobody has the file before it is renamed: one fsync then.
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(f"BEGIN;{TABLES}COMMIT;")
            db.execute("INSERT INTO meta VALUES ('version', ?)", (VERSION,))
            # WAL is a property of the file; a reader must never find it in another mode.
            db.execute("PRAGMA journal_mode = WAL")
        finally:
            db.close()
        _sync(fresh, os.O_RDWR)
        fresh.rename(path)
        _sync(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"{path}: cannot be created: {error}") from error


def _sync(path: Path, flags: int) -> None:
    fd = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
