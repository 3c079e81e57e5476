"""Runs and revisions of the spec: the few records of the journal that are not about tasks."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

from tmaxd.tasks.records import (
    Record,
    RevisionApplied,
    RunEnded,
    RunReady,
    RunStarted,
    RunTaken,
)

REVISIONS_KEPT = 50
ENDED_RUNS_KEPT = 10_000
"""Runs whose end is older than that many later runs are forgotten: a crash loop must not fill the disk."""


def _run_started(db: sqlite3.Connection, r: RunStarted) -> None:
    db.execute(
        "INSERT INTO runs (run, worker, pid, start, boot_id, server_pid, server_started, revision, at,"
        " log_file, log_size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (r.run, r.worker, r.pid, r.start, r.boot_id, r.server_pid, r.server_started, r.revision, r.at,
         r.log_file, r.log_size),
    )  # fmt: skip


def _run_ready(db: sqlite3.Connection, r: RunReady) -> None:
    db.execute(
        "UPDATE runs SET said = max(said, ?), ready = max(ready, ?), window = ?, form = ?, batch = ?,"
        " beats = max(beats, ?) WHERE run = ?",
        (r.said, r.ready, r.window, r.form, r.batch, r.beats, r.run),
    )


def _run_taken(db: sqlite3.Connection, r: RunTaken) -> None:
    db.execute(
        "UPDATE runs SET worker = ?, at = ?, log_file = ?, log_size = ? WHERE run = ?",
        (r.worker, r.at, r.log_file, r.log_size, r.run),
    )


def _run_ended(db: sqlite3.Connection, r: RunEnded) -> None:
    db.execute(
        "UPDATE runs SET ended = ?, status = ?, signal = ?, reason = ? WHERE run = ?",
        (r.at, r.status, r.signal, r.reason, r.run),
    )
    db.execute(
        "DELETE FROM runs WHERE ended IS NOT NULL AND number <= (SELECT max(number) FROM runs) - ?",
        (ENDED_RUNS_KEPT,),
    )


def _revision(db: sqlite3.Connection, r: RevisionApplied) -> None:
    db.execute(
        "INSERT OR REPLACE INTO revisions (number, digest, text, applied, cause) VALUES (?, ?, ?, ?, ?)",
        (r.number, r.digest, r.text, r.at, r.cause),
    )
    db.execute(
        "DELETE FROM revisions WHERE number <= (SELECT max(number) FROM revisions) - ?",
        (REVISIONS_KEPT,),
    )


WRITERS: dict[type[Record], Callable[[sqlite3.Connection, Any], None]] = {
    RunStarted: _run_started,
    RunReady: _run_ready,
    RunTaken: _run_taken,
    RunEnded: _run_ended,
    RevisionApplied: _revision,
}
