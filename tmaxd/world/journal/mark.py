"""`state.db-mark`: how far the journal had come, so that commits that are gone from it are noticed.

SQLite takes a WAL that is lost, cut or damaged for one that ends there, and says nothing. So the number of commits
stands in the database, and beside it in a small file that is written without fsync: it survives the death of the
daemon, and after a power cut it may lag or be gone, which hides a loss but never invents one.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

from tmaxd.ports import JournalError
from tmaxd.world.journal.schema import check_version, wal_of


class Mark(NamedTuple):
    commits: int
    next_id: int
    """The lowest task id never used."""


def mark_of(path: Path) -> Path:
    return path.with_name(path.name + "-mark")


def read(path: Path) -> Mark | None:
    """The mark beside the database; None where there is none, or none that can be read."""
    try:
        fd = os.open(mark_of(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        try:
            commits, next_id = os.pread(fd, 64, 0).split()
        finally:
            os.close(fd)
        return Mark(int(commits), int(next_id))
    except (OSError, ValueError):
        return None


def held(db: sqlite3.Connection) -> Mark:
    """What the database itself says."""
    known = dict(
        db.execute("SELECT key, value FROM meta WHERE key IN ('commits', 'next_id')").fetchall()
    )
    return Mark(known.get("commits", 0), known["next_id"])


def count(db: sqlite3.Connection, commits: int) -> Mark:
    """Number the transaction that is open on `db`; what the mark is to say when it is committed."""
    db.execute(
        "INSERT INTO meta VALUES ('commits', ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        (commits,),
    )
    return Mark(commits, held(db).next_id)


def refuse_a_missing_database(path: Path) -> None:
    """Where no database stands, but one with tasks did. Raises JournalError."""
    mark = read(path)
    if mark is not None and mark.next_id > 1 and not os.path.lexists(path):
        raise JournalError(
            f"{path}: is missing, but it held tasks, the last with id {mark.next_id - 1}, as"
            f" {mark_of(path).name} beside it says. Nothing was changed; put the file back, or remove"
            f" {mark_of(path)} to begin anew"
        )


def refuse_a_beginning(path: Path) -> None:
    """Where a database that had tasks would be opened as one that never had any. Raises JournalError.

    Looks by a connection that may only read: the last that may write takes the WAL away when it closes, and what
    SQLite does not read of it may still be of use to somebody.
    """
    mark = read(path)
    if mark is None or mark.next_id == 1:
        return
    with closing(sqlite3.connect(path.as_uri() + "?mode=ro", uri=True, timeout=5)) as db:
        check_version(db, path)
        if held(db).next_id > 1:
            return
    raise JournalError(
        f"{path}: holds no tasks, but it did, the last with id {mark.next_id - 1}, as"
        f" {mark_of(path).name} beside it says: {wal_of(path).name} was lost, cut or damaged. Nothing was"
        f" changed; put {wal_of(path).name} back, or remove {mark_of(path)} to begin from what is there"
    )


def missing(path: Path, mark: Mark | None, found: Mark) -> tuple[str, ...]:
    """One sentence for people where the database is behind its mark."""
    if mark is None or found.commits >= mark.commits:
        return ()
    return (
        f"{path}: the last {mark.commits - found.commits:,} of {mark.commits:,} commits are gone"
        f" ({wal_of(path).name} was lost, cut or damaged, or an older copy was put back): tasks that came in"
        f" them are lost, tasks that ended in them are done again; new ids begin at"
        f" {max(mark.next_id, found.next_id)}",
    )


class Marker:
    """Writes the mark. A disk that refuses is no error: a loss would go unnoticed, no more."""

    def __init__(self, path: Path, last: Mark) -> None:
        self._path = mark_of(path)
        self._fd: int | None = None
        self.last = last

    def put(self, mark: Mark) -> None:
        """The id never falls, also where the database has lost the tasks."""
        self.last = Mark(mark.commits, max(mark.next_id, self.last.next_id))
        with suppress(OSError):
            if self._fd is None:
                flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
                self._fd = os.open(self._path, flags, 0o600)
            os.pwrite(self._fd, b"%20d %20d\n" % self.last, 0)

    def close(self) -> None:
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
