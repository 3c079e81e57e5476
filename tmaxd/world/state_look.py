"""A look at `state.db` or `memory.db` from outside: what it is, without a change to it, and without the daemon.

Nothing is made for a look, but for the `-shm` file of SQLite where a write-ahead log was left behind that has to be
read as well.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Final, Literal

import msgspec

from tmaxd.world.journal import schema as journal
from tmaxd.world.journal.schema import PAGE, wal_of
from tmaxd.world.store import schema as store

Kind = Literal["state", "memory"]

VERSIONS: Final = {"state": journal.VERSION, "memory": store.VERSION}

MOST = 10
"""Lines of damage that are kept."""


class Look(msgspec.Struct, frozen=True, kw_only=True):
    there: bool = False
    uid: int = -1
    mode: int = 0
    """Permission bits."""
    size: int = 0
    wal: int = 0
    """Bytes of the write-ahead log."""
    version: int | None = None
    known: int = 0
    """The version that this program writes."""
    latest: float | None = None
    """When the latest event happened (wall time); None: there is none."""
    trouble: str = ""
    """Why it cannot be read; empty: it can."""
    damage: tuple[str, ...] | None = None
    """What SQLite's `quick_check` found; None: it was not asked."""


def look(path: Path, kind: Kind, *, deep: bool = False, in_use: bool = False) -> Look:
    """`deep`: check the whole of it, which reads every page (about a second for each GB). `in_use`: a daemon has it
    open. A file of another user is not opened: what SQLite makes beside it would be ours."""
    known = VERSIONS[kind]
    try:
        info = path.lstat()
    except FileNotFoundError:
        return Look(known=known)
    except OSError as error:
        return Look(there=True, known=known, trouble=error.strerror or str(error))
    found = Look(
        there=True,
        uid=info.st_uid,
        mode=stat.S_IMODE(info.st_mode),
        size=info.st_size,
        wal=_size(wal_of(path)),
        known=known,
    )
    if info.st_uid != os.geteuid():
        return found
    trouble = _outside(info, found.wal)
    if trouble:
        return msgspec.structs.replace(found, trouble=trouble)
    try:
        return _inside(path, kind, found, deep=deep, in_use=in_use)
    except sqlite3.Error as error:
        return msgspec.structs.replace(found, trouble=str(error))


def _size(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _outside(info: os.stat_result, wal: int) -> str:
    """What is wrong with it as a file; the same that keeps a daemon from opening it."""
    if not stat.S_ISREG(info.st_mode):
        return "it is no regular file"
    if info.st_size == 0:
        return "the file is empty"
    if info.st_size % PAGE and not wal:
        return f"its {info.st_size} bytes end within a page"
    return ""


def _inside(path: Path, kind: Kind, found: Look, *, deep: bool, in_use: bool) -> Look:
    # With nobody there and no log, the file alone is everything: SQLite need not lock it, nor make anything.
    mode = "mode=ro" if in_use or found.wal else "immutable=1"
    with closing(sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, timeout=2)) as db:
        version = db.execute("SELECT value FROM meta WHERE key = 'version'").fetchone()
        number = version[0] if version and isinstance(version[0], int) else None
        latest = None
        if kind == "state" and number == found.known:
            last = db.execute("SELECT at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
            latest = float(last[0]) if last else None
        damage = _damage(db) if deep else None
    return msgspec.structs.replace(found, version=number, latest=latest, damage=damage)


def _damage(db: sqlite3.Connection) -> tuple[str, ...]:
    try:
        rows = db.execute(f"PRAGMA quick_check({MOST})").fetchall()
    except sqlite3.DatabaseError as error:
        return (str(error),)  # so bad that it cannot even be checked
    return tuple(str(row[0]) for row in rows if row[0] != "ok")
