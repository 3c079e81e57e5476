"""One transaction on `memory.db`: what was asked for is judged by the rules, and what comes of it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

import msgspec

from tmaxd.ports.store import Committed, Doomed, Why
from tmaxd.store.entries import ChangeWord, Head, Operation, Outcome, Place, Total, size_of
from tmaxd.store.limits import Limits
from tmaxd.store.rules import Draft
from tmaxd.world.journal import many
from tmaxd.world.store import reading
from tmaxd.world.store.schema import KINDS

TRIMMED: Final = 512
"""Entries that one commit takes out of a namespace that holds too much, at the least; twice as many as it brings in if
that is more, so that limits that were lowered are reached in slices."""

Used = Sequence[tuple[Place, int]]


class Batch(msgspec.Struct, frozen=True):
    """What is asked for by one call."""

    operations: Sequence[Operation] = ()
    now: float = 0.0
    limits: Limits | None = None
    """None: it says nothing of them."""
    used: Used = ()
    doomed: Sequence[int] = ()
    why: Why = "expire"
    trim: Sequence[str] = ()

    @property
    def weight(self) -> int:
        return len(self.operations) + len(self.used) + len(self.doomed) + 1


def apply(
    db: sqlite3.Connection, batches: Sequence[Batch]
) -> tuple[list[Sequence[Outcome]], Committed]:
    """Within a transaction of the caller's. What the batches did, each in its turn, and what that is together."""
    places = [(op.ns, op.key) for batch in batches for op in batch.operations]
    (seq,) = db.execute("SELECT ifnull((SELECT value FROM meta WHERE key = 'seq'), 0)").fetchone()
    before = reading.totals(db)
    draft = Draft(seq, reading.heads(db, places), before)
    outcomes = [_one(db, draft, batch) for batch in batches]
    _write_used(db, [used for batch in batches for used in batch.used])
    limits = next((batch.limits for batch in reversed(batches) if batch.limits), None)
    trimmed = draft.touched.union(*(batch.trim for batch in batches))
    over = [] if limits is None else _trim(db, draft, trimmed, limits)
    _write(db, draft, before)
    reached = max(batch.now for batch in batches)
    db.executemany(
        "INSERT INTO meta VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = max(value, excluded.value)",
        [("seq", draft.seq), ("reached", reached)],
    )
    changed = {ns: draft.totals.get(ns, Total()) for ns in draft.touched}
    return outcomes, Committed(draft.seq, draft.changes, changed, over, draft.rows)


def _one(db: sqlite3.Connection, draft: Draft, batch: Batch) -> Sequence[Outcome]:
    found = draft.apply(batch.operations, batch.now, batch.limits or Limits())
    if batch.doomed:
        gone = set(draft.gone)
        for doomed in reading.doomed(db, batch.doomed):
            if doomed.version not in gone:
                _remove(draft, doomed, batch.why)
                found.append(Outcome("deleted", doomed.version))
    return found


def _remove(draft: Draft, doomed: Doomed, what: ChangeWord) -> None:
    place = (doomed.ns, doomed.key)
    draft.know(place, Head(doomed.version, doomed.size, None))
    draft.remove(place, what)


# ------------------------------------------------------------------------------------------ room


def _trim(
    db: sqlite3.Connection, draft: Draft, namespaces: Iterable[str], limits: Limits
) -> list[str]:
    """What was used longest ago goes. Which namespaces still hold too much after that."""
    over = []
    for ns in sorted(namespaces):
        bounds, total = limits.of(ns), draft.totals.get(ns)
        if total is None or not bounds.over(total):
            continue
        fresh = sum(place[0] == ns for place in draft.rows)
        for doomed in islice(_candidates(db, draft, ns), max(TRIMMED, 2 * fresh)):
            _remove(draft, doomed, "evict")
            left = draft.totals.get(ns)
            if left is None or not bounds.over(left):
                break
        else:
            over.append(ns)
    return over


def _candidates(db: sqlite3.Connection, draft: Draft, ns: str) -> Iterator[Doomed]:
    """First those on disk, longest unused first; then, where that is not enough, what this commit itself brings."""
    gone = set(draft.gone)
    for doomed in reading.least_used(db, ns):
        if doomed.version not in gone:
            yield doomed
    fresh = [entry for place, entry in draft.rows.items() if place[0] == ns]
    for entry in sorted(fresh, key=lambda entry: entry.version):
        yield Doomed(entry.version, ns, entry.key, entry.size)


# --------------------------------------------------------------------------------------- writing


def _write(db: sqlite3.Connection, draft: Draft, before: Mapping[str, Total]) -> None:
    for begin in range(0, len(draft.gone), 256):
        db.execute(
            "DELETE FROM entries WHERE version IN (SELECT value FROM json_each(?))",
            (many.array(draft.gone[begin : begin + 256]),),
        )
    for ns in draft.touched:
        total = draft.totals.get(ns)
        if total is None:
            db.execute("DELETE FROM namespaces WHERE name = ?", (ns,))
        elif total != before.get(ns):
            db.execute(
                "INSERT INTO namespaces (name, keys, bytes) VALUES (?, ?, ?) ON CONFLICT (name)"
                " DO UPDATE SET keys = excluded.keys, bytes = excluded.bytes",
                (ns, total.keys, total.bytes),
            )
    if draft.rows:
        numbers = reading.numbers(db)
        many.insert(
            db,
            "entries (version, ns, key, kind, size, written, expires, used, data)",
            [
                (
                    e.version,
                    numbers[e.ns],
                    e.key,
                    KINDS.index(e.kind),
                    size_of(e.key, e.data),
                    e.written,
                    e.expires,
                    2 * e.version,
                    e.data,
                )
                for e in sorted(draft.rows.values(), key=lambda entry: entry.version)
            ],
        )


def _write_used(db: sqlite3.Connection, used: Used) -> None:
    """By the last word on each; what has been written since was used later."""
    if used:
        many.update(
            db,
            "entries SET used = max(used, v.column3)",
            [(ns, key, 2 * seq + 1) for (ns, key), seq in dict(used).items()],
            "entries.ns = (SELECT number FROM namespaces WHERE name = v.column1)"
            " AND entries.key = v.column2",
        )
