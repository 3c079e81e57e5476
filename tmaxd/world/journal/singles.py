"""What single tasks go through: failures, delays, death, and being tried again by hand."""

from __future__ import annotations

import sqlite3
from typing import Any

from tmaxd.tasks.records import UNCOUNTED, Closed, Requeued, Revived
from tmaxd.world.journal.many import insert
from tmaxd.world.journal.moves import Contradiction
from tmaxd.world.journal.schema import CANCELLED, DEAD, DELAYED, QUEUED

_KEPT = " ON CONFLICT (id) DO UPDATE SET " + ", ".join(
    ["base = base + excluded.base"]
    + [f"{name} = excluded.{name}"
       for name in ("state", "attempt", "due", "worker", "run", "sent", "started", "ended", "outcome", "error")]
)  # fmt: skip
"""When a task ends while it waits, nobody had it: worker, run and `sent` are NULL then."""


class Singles:
    """Collects, then writes; a task may be in it more than once, so the order is kept."""

    def __init__(self) -> None:
        self._steps: list[list[tuple[Any, ...]] | Revived] = []
        self._attempts: list[tuple[Any, ...]] = []

    def requeued(self, r: Requeued) -> None:
        state = QUEUED if r.due is None else DELAYED
        spent = r.attempt - (r.outcome in UNCOUNTED)
        self._row(
            (r.id, r.group, state, spent, int(r.outcome == "returned"), r.due, r.worker, r.run,
             r.sent, None, None, r.outcome, r.error or None)
        )  # fmt: skip
        self._attempts.append(
            (r.id, r.attempt, r.worker, r.run, r.outcome, r.error, r.sent, r.started, r.at)
        )

    def closed(self, r: Closed) -> None:
        state = DEAD if r.state == "dead" else CANCELLED
        self._row(
            (r.id, r.group, state, r.attempt, 0, None, r.worker, r.run, r.sent, r.started, r.at, r.outcome,
             r.error)
        )  # fmt: skip

    def revived(self, r: Revived) -> None:
        self._steps.append(r)

    def _row(self, row: tuple[Any, ...]) -> None:
        if not self._steps or isinstance(self._steps[-1], Revived):
            self._steps.append([])
        rows = self._steps[-1]
        if isinstance(rows, list):
            rows.append(row)

    def write(self, db: sqlite3.Connection) -> None:
        if not self._steps:
            return
        insert(
            db,
            "attempts (task, attempt, worker, run, outcome, error, sent, started, ended)",
            self._attempts,
        )
        for step in self._steps:
            if isinstance(step, Revived):
                _revive(db, step)
            else:
                insert(
                    db,
                    "singles (id, grp, state, attempt, base, due, worker, run, sent, started,"
                    " ended, outcome, error)",
                    step,
                    _KEPT,
                )


def _revive(db: sqlite3.Connection, r: Revived) -> None:
    """The attempt that ended the task goes to the earlier ones; an end while it waited was none."""
    db.execute(
        "INSERT INTO attempts (task, attempt, worker, run, outcome, error, sent, started, ended)"
        " SELECT id, attempt, worker, run, outcome, error, sent, started, ended FROM singles"
        " WHERE id = ? AND sent IS NOT NULL",
        (r.id,),
    )
    done = db.execute(
        "UPDATE singles SET state = 1, base = attempt, forgiven = 1, due = ?, started = NULL, ended = NULL"
        " WHERE id = ? AND state = ?",
        (r.at, r.id, DEAD if r.was == "dead" else CANCELLED),
    )
    if done.rowcount != 1:
        raise Contradiction(f"task {r.id} is not {r.was}")
