"""What the journal answers: plain queries on one connection, each bounded by a limit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from typing import Any

from tmaxd.ports import Proc, Recovered, Revision, RunRecord, ServerId
from tmaxd.tasks.records import (
    HELD_PAYLOAD,
    PAGE_CHARS,
    AttemptRow,
    Lease,
    Page,
    Queued,
    State,
    TaskFilter,
    TaskRow,
    TaskStory,
)
from tmaxd.world.journal.schema import DELAYED, STATE_NAMES

MAX_ROWS = 1000
"""Rows of one answer to `tasks`, whatever the limit asked for."""

_ROW = "id, grp, state, attempt, at, substr(payload, 1, 200), worker, run, due, sent, started, ended, error"


def recover(db: sqlite3.Connection) -> Recovered:
    """Everything but the queue. Costs as much as there are groups, open runs and tasks in flight."""
    counts: dict[str, dict[State, int]] = {}
    next_due: dict[str, float] = {}
    for group, state, n in db.execute("SELECT grp, state, n FROM counters WHERE n <> 0"):
        counts.setdefault(group, {})[_state(state)] = n
        if state == DELAYED:
            next_due[group] = db.execute(
                "SELECT due FROM tasks WHERE state = 1 AND grp = ? ORDER BY due LIMIT 1", (group,)
            ).fetchone()[0]
    leases = db.execute(
        "SELECT id, grp, attempt, worker, run,"
        " CASE WHEN length(payload) > ? THEN NULL ELSE payload END, at, sent"
        " FROM tasks INDEXED BY tasks_sent WHERE state = 2 ORDER BY id",
        (HELD_PAYLOAD,),
    )
    revision = db.execute(
        "SELECT number, digest, applied, text FROM revisions ORDER BY number DESC LIMIT 1"
    ).fetchone()
    return Recovered(
        next_id=db.execute("SELECT value FROM meta WHERE key = 'next_id'").fetchone()[0],
        runs=tuple(_open_runs(db)),
        leases=tuple(
            Lease(id=i, group=g, attempt=a, worker=w, run=r, payload=p, at=at, sent=sent)
            for i, g, a, w, r, p, at, sent in leases
        ),
        counts=counts,
        next_due=next_due,
        revision=None
        if revision is None
        else Revision(
            number=revision[0], digest=revision[1], applied=revision[2], text=revision[3]
        ),
    )


def _open_runs(db: sqlite3.Connection) -> Iterable[RunRecord]:
    rows = db.execute(
        "SELECT run, worker, pid, start, boot_id, server_pid, server_started, at, revision, ready,"
        " window, form FROM runs WHERE ended IS NULL ORDER BY number"
    )
    for run, worker, pid, start, boot, s_pid, s_started, at, revision, ready, window, form in rows:
        yield RunRecord(
            run=run,
            worker=worker,
            proc=Proc(pid, start),
            boot_id=boot,
            server=ServerId(s_pid, s_started),
            started=at,
            revision=revision,
            ready=bool(ready),
            window=window,
            form=form,
        )


def page(db: sqlite3.Connection, group: str, after: int, limit: int) -> Page:
    rows = db.execute(
        "SELECT id, payload, attempt, at FROM tasks INDEXED BY tasks_queued"
        " WHERE state = 0 AND grp = ? AND id > ? ORDER BY id LIMIT ?",
        (group, after, limit + 1),
    )
    tasks, more = _cut(rows, limit)
    return Page(tasks, more)


def due(db: sqlite3.Connection, group: str, now: float, limit: int) -> Page:
    rows = db.execute(
        "SELECT id, payload, attempt, at FROM tasks INDEXED BY tasks_delayed"
        " WHERE state = 1 AND grp = ? AND due <= ? ORDER BY due, id LIMIT ?",
        (group, now, limit + 1),
    )
    tasks, more = _cut(rows, limit)
    later = db.execute(
        "SELECT due FROM tasks INDEXED BY tasks_delayed"
        " WHERE state = 1 AND grp = ? AND due > ? ORDER BY due LIMIT 1",
        (group, now),
    ).fetchone()
    return Page(tasks, more, later[0] if later else None)


def _cut(rows: Iterable[tuple[Any, ...]], limit: int) -> tuple[tuple[Queued, ...], bool]:
    tasks: list[Queued] = []
    chars = 0
    for task, payload, attempt, at in rows:
        if len(tasks) == limit or chars >= PAGE_CHARS:
            return tuple(tasks), True
        tasks.append(Queued(task, payload, attempt, at))
        chars += len(payload)
    return tuple(tasks), False


def tasks(db: sqlite3.Connection, filters: TaskFilter) -> tuple[TaskRow, ...]:
    """The newest that match, newest first."""
    where, values = _where(filters)
    limit = max(0, min(filters.limit, MAX_ROWS))
    rows = db.execute(
        f"SELECT {_ROW} FROM tasks WHERE {where} ORDER BY id DESC LIMIT ?",  # noqa: S608  # no text of others
        (*values, limit),
    )
    return tuple(_row(row) for row in rows)


def _where(filters: TaskFilter) -> tuple[str, list[Any]]:
    parts: list[str] = ["1"]
    values: list[Any] = []
    if filters.group is not None:
        parts.append("grp = ?")
        values.append(filters.group)
    if filters.before is not None:
        parts.append("id < ?")
        values.append(filters.before)
    if filters.states:
        wanted = {"sent" if state == "running" else state for state in filters.states}
        numbers = sorted(STATE_NAMES.index(state) for state in wanted)
        # literals, since SQLite takes a partial index only where it can see the condition
        parts.append("(" + " OR ".join(f"state = {n}" for n in numbers) + ")")
    if filters.ids:
        parts.append("id IN (SELECT value FROM json_each(?))")
        values.append("[" + ",".join(str(int(task)) for task in filters.ids) + "]")
    return " AND ".join(parts), values


def story(db: sqlite3.Connection, task: int) -> TaskStory | None:
    row = db.execute(
        f"SELECT {_ROW}, payload, result, result_file FROM tasks WHERE id = ?",  # noqa: S608  # ours
        (task,),
    ).fetchone()
    if row is None:
        return None
    attempts = db.execute(
        "SELECT attempt, worker, run, outcome, error, started, ended FROM attempts WHERE task = ?"
        " ORDER BY rowid",
        (task,),
    )
    return TaskStory(
        task=_row(row[:-3]),
        payload=row[-3],
        result=row[-2],
        result_file=row[-1],
        attempts=tuple(
            AttemptRow(attempt=a, worker=w, run=r, outcome=o, error=e, started=s, ended=end)
            for a, w, r, o, e, s, end in attempts
        ),
    )


def _row(row: tuple[Any, ...]) -> TaskRow:
    task, group, state, attempt, at, payload, worker, run, due_at, sent, started, ended, error = row
    return TaskRow(
        id=task,
        group=group,
        state=_state(state),
        attempt=attempt,
        submitted=at,
        payload=payload,
        worker=worker,
        run=run,
        due=due_at,
        sent=sent,
        started=started,
        ended=ended,
        error=error,
    )


def _state(number: int) -> State:
    return STATE_NAMES[number]
