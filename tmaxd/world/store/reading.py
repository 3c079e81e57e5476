"""Questions to `memory.db`. Each looks at a bounded number of rows and bytes, however many there are."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from tmaxd.ports.store import Begun, Doomed, Page
from tmaxd.store.entries import Entry, Head, Place, Total, size_of
from tmaxd.store.names import end_of
from tmaxd.store.values import LONGEST_NUMBER, Needle
from tmaxd.world.journal.many import MOST, array
from tmaxd.world.store.schema import KINDS

PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of values after which a page ends."""

SEARCH_ROWS, SEARCH_BYTES = 10_000, 16 * 1024 * 1024
"""What one search looks at at the most: some tens of milliseconds, in a thread."""

_COLUMNS = "n.name, e.key, e.version, e.kind, e.data, e.written, e.expires"


def begun(db: sqlite3.Connection) -> Begun:
    known = dict(db.execute("SELECT key, value FROM meta").fetchall())
    (first,) = db.execute("SELECT min(expires) FROM entries WHERE expires IS NOT NULL").fetchone()
    return Begun(known.get("seq", 0), known.get("reached", float("-inf")), totals(db), first)


def totals(db: sqlite3.Connection) -> dict[str, Total]:
    rows = db.execute("SELECT name, keys, bytes FROM namespaces").fetchall()
    return {name: Total(keys, size) for name, keys, size in rows}


def get(db: sqlite3.Connection, places: Sequence[Place]) -> dict[Place, Entry]:
    found = (_entry(row) for row in _of_places(db, _COLUMNS, places))
    return {(entry.ns, entry.key): entry for entry in found}


def heads(db: sqlite3.Connection, places: Sequence[Place]) -> dict[Place, Head]:
    """What the rules have to know of what is there."""
    columns = (
        "n.name, e.key, e.version, e.size, e.expires,"
        f" CASE WHEN e.kind = 0 AND length(e.data) <= {LONGEST_NUMBER} THEN e.data END"
    )
    return {(row[0], row[1]): Head(*row[2:]) for row in _of_places(db, columns, tuple(set(places)))}


def _of_places(
    db: sqlite3.Connection, columns: str, places: Sequence[Place]
) -> list[tuple[Any, ...]]:
    """CROSS JOIN keeps SQLite from another order than ours (https://sqlite.org/optoverview.html#crossjoin): of the
    places, of which there are few, each by the index."""
    found: list[tuple[Any, ...]] = []
    for begin in range(0, len(places), MOST):
        piece = places[begin : begin + MOST]
        # Filled up to few sizes, so that few statements have to be prepared; NULL is equal to nothing.
        size = 1 << (len(piece) - 1).bit_length()
        values: list[str | None] = [part for place in piece for part in place]
        values += [None] * (2 * (size - len(piece)))
        rows = ",".join(["(?, ?)"] * size)
        found += db.execute(
            f"SELECT {columns} FROM (VALUES {rows}) AS v"  # noqa: S608  # ours
            " CROSS JOIN namespaces n ON n.name = v.column1"
            " CROSS JOIN entries e ON e.ns = n.number AND e.key = v.column2",
            values,
        )
    return found


# ----------------------------------------------------------------------------------------- pages


def page(
    db: sqlite3.Connection,
    ns: str,
    prefix: str,
    after: str,
    limit: int,
    now: float,
    *,
    values: bool,
) -> Page:
    data = "data" if values else "x''"
    return _page(
        db, ns, prefix, after, data, lambda entry: _lives(entry, now), limit, (limit, PAGE_BYTES)
    )


def search(
    db: sqlite3.Connection, ns: str, prefix: str, text: str, after: str, limit: int, now: float
) -> Page:
    needle = Needle(text)
    return _page(
        db,
        ns,
        prefix,
        after,
        "data",
        lambda entry: _lives(entry, now) and needle.found_in(entry),
        limit,
        (SEARCH_ROWS, SEARCH_BYTES),
    )


def _lives(entry: Entry, now: float) -> bool:
    return entry.expires is None or entry.expires > now


def _page(
    db: sqlite3.Connection,
    ns: str,
    prefix: str,
    after: str,
    data: str,
    wanted: Callable[[Entry], bool],
    limit: int,
    most: tuple[int, int],
) -> Page:
    """`most`: rows and bytes that are looked at."""
    end = end_of(prefix)
    bound = "" if end is None else " AND key < :end"
    rows = db.execute(
        f"SELECT key, version, kind, {data}, written, expires, size FROM entries"  # noqa: S608  # ours
        " WHERE ns = (SELECT number FROM namespaces WHERE name = :ns)"
        f" AND key >= :prefix AND key > :after{bound} ORDER BY key LIMIT :rows",
        {"ns": ns, "prefix": prefix, "after": after, "end": end, "rows": most[0] + 1},
    )
    found: list[Entry] = []
    sizes: list[int] = []
    seen = looked = 0
    last = ""
    for row in rows:
        if len(found) == limit or looked == most[0] or (seen and seen >= most[1]):
            return Page(tuple(found), last, tuple(sizes))
        looked, seen, last = looked + 1, seen + len(row[3]), row[0]
        entry = _entry((ns, *row[:-1]))
        if wanted(entry):
            found.append(entry)
            sizes.append(row[-1] - size_of(entry.key, b""))
    return Page(tuple(found), None, tuple(sizes))


def _entry(row: tuple[Any, ...]) -> Entry:
    ns, key, version, kind, data, written, expires = row
    return Entry(
        ns, key, version, "json" if KINDS[kind] == "json" else "bytes", data, written, expires
    )


# -------------------------------------------------------------------------------- what is to go


def expired(
    db: sqlite3.Connection, now: float, limit: int
) -> tuple[Sequence[Doomed], float | None]:
    rows = db.execute(
        "SELECT e.version, n.name, e.key, e.size, e.expires"
        " FROM entries e JOIN namespaces n ON n.number = e.ns"
        " WHERE e.expires IS NOT NULL ORDER BY e.expires LIMIT ?",
        (limit + 1,),
    )
    found: list[Doomed] = []
    for *doomed, expires in rows:
        if expires > now or len(found) == limit:
            return found, expires
        found.append(Doomed(*doomed))
    return found, None


def old(
    db: sqlite3.Connection, before: float, namespaces: Sequence[str], after: int, limit: int
) -> tuple[Sequence[Doomed], int | None]:
    """Versions and times of writing grow together, so the first that is too young ends it."""
    wanted = frozenset(namespaces)
    rows = db.execute(
        "SELECT e.version, n.name, e.key, e.size, e.written"
        " FROM entries e CROSS JOIN namespaces n ON n.number = e.ns"
        " WHERE e.version > ? ORDER BY e.version LIMIT ?",
        (after, SEARCH_ROWS),
    )
    found: list[Doomed] = []
    looked = 0
    for *row, written in rows:
        if written > before:
            return found, None
        if len(found) == limit:
            return found, after
        looked, after = looked + 1, row[0]
        if not wanted or row[1] in wanted:
            found.append(Doomed(*row))
    return found, after if looked == SEARCH_ROWS else None


def doomed(db: sqlite3.Connection, versions: Sequence[int]) -> list[Doomed]:
    """Those of the versions that there are."""
    rows = db.execute(
        "SELECT e.version, n.name, e.key, e.size"
        " FROM entries e JOIN namespaces n ON n.number = e.ns"
        " WHERE e.version IN (SELECT value FROM json_each(?))",
        (array(versions),),
    ).fetchall()
    return [Doomed(*row) for row in rows]


def least_used(db: sqlite3.Connection, ns: str) -> Iterator[Doomed]:
    """By when they were used last, longest ago first; read as they are asked for."""
    rows = db.execute(
        "SELECT version, ?1, key, size FROM entries"
        " WHERE ns = (SELECT number FROM namespaces WHERE name = ?1) ORDER BY used",
        (ns,),
    )
    return (Doomed(*row) for row in rows)


def numbers(db: sqlite3.Connection) -> Mapping[str, int]:
    """Of the namespaces."""
    return dict(db.execute("SELECT name, number FROM namespaces").fetchall())
