"""Tasks that somebody names: by id or by key."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from msgspec.structs import replace

from tmaxd.tasks.records import AttemptRow, Found, State, TaskRow, TaskStory
from tmaxd.world.journal.look import End, Leased, Look, Single, Task
from tmaxd.world.journal.schema import STATE_NAMES

SHOWN = 200
"""Characters of a payload in a row."""


def find(db: sqlite3.Connection, ids: Sequence[int]) -> tuple[Found, ...]:
    """By id, each once."""
    look = Look(db)
    found = []
    for number in sorted(set(ids)):
        task = look.task(number)
        if task is None:
            continue
        state, attempt = _state(look, task), task.spent
        if task.end is not None:
            attempt = look.done(task.end)[1]
        elif lease := look.lease(task):
            attempt = lease.attempt
        over = task.end is None and not task.waits
        outcome = task.single.outcome if over and task.single is not None else None
        found.append(Found(number, task.block.group, state, attempt, task.block.at, outcome))
    return tuple(found)


def _state(look: Look, task: Task) -> State:
    return "sent" if look.lease(task) else STATE_NAMES[task.state]


def find_key(db: sqlite3.Connection, group: str, key: str) -> tuple[int, str, State] | None:
    look = Look(db)
    blocks = look.blocks(
        "INDEXED BY blocks_key WHERE key IS NOT NULL AND grp = ? AND key = ?", group, key
    )
    block = next(blocks, None)
    task = None if block is None else look.task(block.first)
    return None if task is None else (task.id, look.texts(task.block)[0], _state(look, task))


def story(db: sqlite3.Connection, number: int) -> TaskStory | None:
    look = Look(db)
    task = look.task(number)
    if task is None:
        return None
    done = look.done(task.end) if task.end else None
    attempts = db.execute(
        "SELECT attempt, worker, run, outcome, error, sent, started, ended FROM attempts WHERE task = ?"
        " ORDER BY rowid",
        (number,),
    )
    return TaskStory(
        task=row_of(look, task),
        payload=look.texts(task.block)[number - task.block.first],
        result=done[4] if done else None,
        result_file=done[5] if done else None,
        attempts=tuple(
            AttemptRow(
                attempt=a, worker=w, run=r, outcome=o, error=e, sent=sent, started=s, ended=end
            )
            for a, w, r, o, e, sent, s, end in attempts
        ),
    )


def row_of(look: Look, task: Task) -> TaskRow:
    """The task as people see it: its end, else its lease, else how it waits."""
    block = task.block
    plain = TaskRow(
        id=task.id,
        group=block.group,
        state=STATE_NAMES[task.state],
        attempt=task.spent,
        submitted=block.at,
        payload=look.texts(block)[task.id - block.first][:SHOWN],
        priority=block.priority,
        key=block.key,
        affinity=block.affinity,
        expires=task.expires,
        source=block.source,
        hops=block.hops,
    )
    if task.end is not None:
        return _done(look, task.end, plain)
    row = plain if task.single is None else _single(task.single, plain)
    lease = look.lease(task)
    return row if lease is None else _leased(lease, row)


def _done(look: Look, end: End, row: TaskRow) -> TaskRow:
    _, attempt, sent, started, _, _ = look.done(end)
    return replace(
        row, attempt=attempt, worker=end.worker, run=end.run, sent=sent, started=started, ended=end.at,
        outcome="done",
    )  # fmt: skip


def _single(s: Single, row: TaskRow) -> TaskRow:
    return replace(
        row, worker=s.worker, run=s.run, due=s.due, sent=s.sent, started=s.started, ended=s.ended,
        outcome=s.outcome, error=s.error,
    )  # fmt: skip


def _leased(lease: Leased, row: TaskRow) -> TaskRow:
    return replace(
        row, state="sent", attempt=lease.attempt, worker=lease.worker or None,
        run=lease.run or None, sent=lease.at, due=None,
    )  # fmt: skip
