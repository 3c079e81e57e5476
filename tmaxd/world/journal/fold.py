"""Records into SQL: one transaction's worth, applied in order, records of one type together.

The counts by group and state change in the same transaction, so that nobody ever has to count tasks.
"""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Any

from tmaxd.tasks.records import (
    UNCOUNTED,
    Assigned,
    Finished,
    Record,
    Requeued,
    RevisionApplied,
    RunEnded,
    RunReady,
    RunStarted,
    Submitted,
)
from tmaxd.world.journal.schema import DEAD, DELAYED, DONE, QUEUED, SENT

REVISIONS_KEPT = 50
ENDED_RUNS_KEPT = 10_000
"""Runs whose end is older than that many later runs are forgotten: a crash loop must not fill the disk."""

Counts = dict[tuple[str, int], int]
Rows = Iterable[tuple[Any, ...]]


def apply(db: sqlite3.Connection, records: Sequence[Record]) -> None:
    """Write the records within the transaction that is open on `db`."""
    counts: Counts = defaultdict(int)
    for kind, group in groupby(records, type):
        _WRITERS[kind](db, list(group), counts)
    changes = [(group, state, n) for (group, state), n in counts.items() if n]
    if changes:
        db.executemany(
            "INSERT INTO counters VALUES (?, ?, ?)"
            " ON CONFLICT (grp, state) DO UPDATE SET n = n + excluded.n",
            changes,
        )


def _submitted(db: sqlite3.Connection, batch: list[Submitted], counts: Counts) -> None:
    for r in batch:
        counts[r.group, QUEUED] += 1
    db.executemany(
        "INSERT INTO tasks (id, grp, payload, at, state, attempt) VALUES (?, ?, ?, ?, 0, 0)",
        [(r.id, r.group, r.payload, r.at) for r in batch],
    )
    # ids only grow; kept apart from the tasks, since those are deleted one day and ids never return
    db.execute("UPDATE meta SET value = ? WHERE key = 'next_id'", (batch[-1].id + 1,))


def _assigned(db: sqlite3.Connection, batch: list[Assigned], counts: Counts) -> None:
    for r in batch:
        counts[r.group, DELAYED if r.delayed else QUEUED] -= 1
        counts[r.group, SENT] += 1
    db.executemany(
        "UPDATE tasks SET state = 2, attempt = ?, worker = ?, run = ?, sent = ?, due = NULL WHERE id = ?",
        [(r.attempt, r.worker, r.run, r.at, r.id) for r in batch],
    )


def _requeued(db: sqlite3.Connection, batch: list[Requeued], counts: Counts) -> None:
    for r in batch:
        counts[r.group, SENT] -= 1
        counts[r.group, QUEUED if r.due is None else DELAYED] += 1
    db.executemany(
        "UPDATE tasks SET state = ?, attempt = ?, due = ?, started = NULL, error = ? WHERE id = ?",
        [
            (
                QUEUED if r.due is None else DELAYED,
                r.attempt - (r.outcome in UNCOUNTED),
                r.due,
                r.error or None,
                r.id,
            )
            for r in batch
        ],
    )
    # an attempt that never began is none
    db.executemany(
        "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (r.id, r.attempt, r.worker, r.run, r.outcome, r.error, r.started, r.at)
            for r in batch
            if r.outcome not in UNCOUNTED
        ],
    )


def _finished(db: sqlite3.Connection, batch: list[Finished], counts: Counts) -> None:
    for r in batch:
        counts[r.group, SENT] -= 1
        counts[r.group, DONE if r.state == "done" else DEAD] += 1
    db.executemany(
        "UPDATE tasks SET state = ?, started = ?, ended = ?, outcome = ?, error = ?, result = ?,"
        " result_file = ? WHERE id = ?",
        [
            (
                DONE if r.state == "done" else DEAD,
                r.started,
                r.at,
                r.outcome,
                r.error,
                r.result,
                r.result_file,
                r.id,
            )
            for r in batch
        ],
    )


def _run_started(db: sqlite3.Connection, batch: list[RunStarted], _: Counts) -> None:
    db.executemany(
        "INSERT INTO runs (run, worker, pid, start, boot_id, server_pid, server_started, revision, at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (r.run, r.worker, r.pid, r.start, r.boot_id, r.server_pid, r.server_started, r.revision,
             r.at)
            for r in batch
        ],
    )  # fmt: skip


def _run_ready(db: sqlite3.Connection, batch: list[RunReady], _: Counts) -> None:
    db.executemany(
        "UPDATE runs SET ready = 1, window = ?, form = ? WHERE run = ?",
        [(r.window, r.form, r.run) for r in batch],
    )


def _run_ended(db: sqlite3.Connection, batch: list[RunEnded], _: Counts) -> None:
    db.executemany(
        "UPDATE runs SET ended = ?, status = ?, signal = ?, reason = ? WHERE run = ?",
        [(r.at, r.status, r.signal, r.reason, r.run) for r in batch],
    )
    db.execute(
        "DELETE FROM runs WHERE ended IS NOT NULL AND number <= (SELECT max(number) FROM runs) - ?",
        (ENDED_RUNS_KEPT,),
    )


def _revision(db: sqlite3.Connection, batch: list[RevisionApplied], _: Counts) -> None:
    db.executemany(
        "INSERT OR REPLACE INTO revisions (number, digest, text, applied) VALUES (?, ?, ?, ?)",
        [(r.number, r.digest, r.text, r.at) for r in batch],
    )
    db.execute(
        "DELETE FROM revisions WHERE number <= (SELECT max(number) FROM revisions) - ?",
        (REVISIONS_KEPT,),
    )


_WRITERS: dict[type[Record], Callable[[sqlite3.Connection, Any, Counts], None]] = {
    Submitted: _submitted,
    Assigned: _assigned,
    Requeued: _requeued,
    Finished: _finished,
    RunStarted: _run_started,
    RunReady: _run_ready,
    RunEnded: _run_ended,
    RevisionApplied: _revision,
}
