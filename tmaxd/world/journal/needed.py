"""Which files a task still needs, for whoever removes the others."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from tmaxd.world.journal.look import Look
from tmaxd.world.journal.pack import done_tasks

SPOOLED = b"/payloads/"
"""In the path of every result file (`places`): pieces without it need not be unpacked."""


def named_files(db: sqlite3.Connection, after: int, limit: int) -> tuple[set[str], int | None]:
    """The result files that the next pieces with ids above `after` name, and where to go on."""
    rows = db.execute(
        "SELECT id, CASE WHEN instr(tasks, ?) > 0 THEN tasks END FROM ends WHERE id > ? ORDER BY id LIMIT ?",
        (SPOOLED, after, limit),
    ).fetchall()
    found = {
        task[5]
        for _, packed in rows
        if packed is not None
        for task in done_tasks(packed)
        if task[5] is not None
    }
    return found, rows[-1][0] if len(rows) == limit else None


def result_files(db: sqlite3.Connection, tasks: Sequence[int]) -> dict[int, str | None]:
    look, found = Look(db), dict[int, str | None]()
    for number in sorted(set(tasks)):
        task = look.task(number)
        if task is not None:
            named = look.done(task.end)[5] if task.end is not None else None
            found[number] = None if task.waits else named or ""
    return found


def oldest_lease(db: sqlite3.Connection) -> float | None:
    row = db.execute("SELECT min(at) FROM sends").fetchone()
    return None if row[0] is None else float(row[0])
