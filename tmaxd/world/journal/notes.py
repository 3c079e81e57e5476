"""Events and what else is kept of the fleet: how they are written and read."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from tmaxd.ports import EventFilter, EventRow, Revision, RevisionRow
from tmaxd.tasks.records import EventNoted, EventsForgotten, Kept, Record

NEXT_EVENT = "next_event"
"""In `meta`: numbers are never used again, also when all events are forgotten."""


def _event(db: sqlite3.Connection, r: EventNoted) -> None:
    if r.replaces is not None:
        db.execute("DELETE FROM events WHERE seq = ?", (r.replaces,))
    db.execute(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (r.seq, r.at, r.first, r.count, r.level, r.name, r.worker, r.group, r.reason, r.fields),
    )
    db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (NEXT_EVENT, r.seq + 1))


def _forget(db: sqlite3.Connection, r: EventsForgotten) -> None:
    db.execute("DELETE FROM events WHERE seq <= ? OR at < ?", (r.up_to, r.before))


def _keep(db: sqlite3.Connection, r: Kept) -> None:
    if r.text is None:
        db.execute("DELETE FROM kept WHERE name = ?", (r.name,))
    else:
        db.execute("INSERT OR REPLACE INTO kept VALUES (?, ?)", (r.name, r.text))


WRITERS: dict[type[Record], Callable[[sqlite3.Connection, Any], None]] = {
    EventNoted: _event,
    EventsForgotten: _forget,
    Kept: _keep,
}


def next_event(db: sqlite3.Connection) -> int:
    row = db.execute("SELECT value FROM meta WHERE key = ?", (NEXT_EVENT,)).fetchone()
    return int(row[0]) if row else 1


def kept(db: sqlite3.Connection) -> dict[str, str]:
    return dict(db.execute("SELECT name, text FROM kept ORDER BY name"))


def events(db: sqlite3.Connection, f: EventFilter) -> tuple[EventRow, ...]:
    """Oldest first."""
    wanted: list[tuple[str, Any]] = [("seq > ?", f.since)]
    if f.worker is not None:
        wanted.append(("worker = ? AND worker <> ''", f.worker))
    if f.group is not None:
        wanted.append(("grp = ?", f.group))
    where = " AND ".join(condition for condition, _ in wanted)
    values: list[Any] = [value for _, value in wanted]
    if f.names:
        where += f" AND name IN ({','.join('?' * len(f.names))})"
        values += f.names
    order = "DESC" if f.last else "ASC"
    rows = db.execute(
        "SELECT seq, at, first, n, level, name, worker, grp, reason, fields FROM events"  # noqa: S608  # ours
        f" WHERE {where} ORDER BY seq {order} LIMIT ?",
        (*values, f.limit),
    ).fetchall()
    found = [EventRow(*row) for row in rows]
    return tuple(reversed(found) if f.last else found)


def revisions(db: sqlite3.Connection, limit: int) -> tuple[RevisionRow, ...]:
    """Newest first."""
    rows = db.execute(
        "SELECT number, digest, applied, cause FROM revisions ORDER BY number DESC LIMIT ?",
        (limit,),
    )
    return tuple(RevisionRow(*row) for row in rows)


def revision(db: sqlite3.Connection, number: int | None = None) -> Revision | None:
    """The one of this number, or the last."""
    row = db.execute(
        "SELECT number, digest, applied, text, cause FROM revisions WHERE number = ? OR ? IS NULL"
        " ORDER BY number DESC LIMIT 1",
        (number, number),
    ).fetchone()
    if row is None:
        return None
    return Revision(number=row[0], digest=row[1], applied=row[2], text=row[3], cause=row[4])
