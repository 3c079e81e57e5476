"""Records into SQL: one transaction's worth, collected first and then written by few statements.

Within a transaction the kinds of records are written in a fixed order: what is submitted, what single tasks go
through, what is done, leases, numbers, runs. No task can tell the difference: it is submitted before all else, and
nothing follows when it is done.

The counts by group and state change in the same transaction, so that nobody ever has to count tasks.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tmaxd.tasks.records import (
    Assigned,
    Closed,
    Delivered,
    Done,
    EventNoted,
    EventsForgotten,
    Kept,
    Record,
    Released,
    Requeued,
    RevisionApplied,
    Revived,
    RunEnded,
    RunReady,
    RunStarted,
    RunTaken,
    Submitted,
)
from tmaxd.world.journal import notes, runs
from tmaxd.world.journal.leases import Leases
from tmaxd.world.journal.many import insert
from tmaxd.world.journal.moves import Moves
from tmaxd.world.journal.pack import encode, pieces
from tmaxd.world.journal.schema import CANCELLED, DEAD, DELAYED, DONE, QUEUED
from tmaxd.world.journal.singles import Singles
from tmaxd.world.journal.submits import Submits


def apply(db: sqlite3.Connection, batches: Iterable[Sequence[Record]]) -> None:
    """Write the records within the transaction that is open on `db`."""
    fold = Fold()
    for records in batches:
        for record in records:
            _TAKERS[type(record)](fold, record)
    fold.write(db)


class Fold:
    """What the records of one transaction come to."""

    def __init__(self) -> None:
        self._counts: dict[tuple[str, int], int] = defaultdict(int)
        self._submits = Submits()
        self._singles = Singles()
        self._ends: list[tuple[Any, ...]] = []
        self._moves = Moves()
        self._leases = Leases()
        self._others: list[Record] = []
        """Those that are not about tasks."""

    def write(self, db: sqlite3.Connection) -> None:
        self._submits.write(db)
        self._singles.write(db)
        insert(db, "ends (id, grp, worker, run, at, offsets, tasks)", self._ends)
        self._moves.write(db)
        self._leases.write(db)
        insert(
            db,
            "counters (grp, state, n)",
            [(group, state, n) for (group, state), n in self._counts.items() if n],
            " ON CONFLICT (grp, state) DO UPDATE SET n = n + excluded.n",
        )
        for record in self._others:
            _WRITERS[type(record)](db, record)

    def submitted(self, r: Submitted) -> None:
        self._submits.add(r)
        state = QUEUED if r.options.due is None else DELAYED
        self._counts[r.group, state] += len(r.payloads)

    def done(self, r: Done) -> None:
        counts = self._counts
        counts[r.group, QUEUED] -= len(r.tasks) - r.delayed
        counts[r.group, DELAYED] -= r.delayed
        counts[r.group, DONE] += len(r.tasks)
        for piece in pieces(r.tasks):
            self._ends.append(
                (piece.low, r.group, r.worker, r.run, r.at, piece.offsets, encode(piece.tasks))
            )
            self._moves.done(piece, r.at)

    def requeued(self, r: Requeued) -> None:
        self._singles.requeued(r)
        self._moved(r, _waiting(r.was), QUEUED if r.due is None else DELAYED)

    def closed(self, r: Closed) -> None:
        self._singles.closed(r)
        self._moved(r, _waiting(r.was), _OVER[r.state])

    def revived(self, r: Revived) -> None:
        self._singles.revived(r)
        self._leases.revived(r.id)
        self._moved(r, _OVER[r.was], DELAYED)

    def _moved(self, r: Requeued | Closed | Revived, was: int, now: int) -> None:
        self._counts[r.group, was] -= 1
        self._counts[r.group, now] += 1
        queued, delayed = ((now == state) - (was == state) for state in (QUEUED, DELAYED))
        self._moves.single(r.id, queued, delayed, r.at)

    def assigned(self, r: Assigned) -> None:
        self._leases.assigned(r)

    def delivered(self, r: Delivered) -> None:
        self._leases.delivered(r)

    def released(self, r: Released) -> None:
        self._leases.released(r)

    def noted(self, r: Record) -> None:
        self._others.append(r)


_WRITERS: dict[type[Record], Callable[[sqlite3.Connection, Any], None]] = {
    **runs.WRITERS,
    **notes.WRITERS,
}

_OVER = {"dead": DEAD, "cancelled": CANCELLED}


def _waiting(was: str) -> int:
    return QUEUED if was == "queued" else DELAYED


_TAKERS: dict[type[Record], Callable[[Fold, Any], None]] = {
    Submitted: Fold.submitted,
    Assigned: Fold.assigned,
    Delivered: Fold.delivered,
    Released: Fold.released,
    Done: Fold.done,
    Requeued: Fold.requeued,
    Closed: Fold.closed,
    Revived: Fold.revived,
    RunStarted: Fold.noted,
    RunReady: Fold.noted,
    RunTaken: Fold.noted,
    RunEnded: Fold.noted,
    RevisionApplied: Fold.noted,
    EventNoted: Fold.noted,
    EventsForgotten: Fold.noted,
    Kept: Fold.noted,
}
