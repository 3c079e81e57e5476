"""Pages of waiting tasks, as the dispatcher fills its queues with them."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from tmaxd.tasks.records import PAGE_CHARS, Page, Queued
from tmaxd.world.journal.look import Block, Look, Single
from tmaxd.world.journal.pack import SPAN
from tmaxd.world.journal.schema import DELAYED, QUEUED


def page(db: sqlite3.Connection, group: str, priority: int, after: int, limit: int) -> Page:
    look = Look(db)
    blocks = look.blocks(
        "INDEXED BY blocks_lane WHERE queued > 0 AND grp = ? AND priority = ? AND first > ?"
        " AND first + n > ? ORDER BY first",
        group,
        priority,
        after - SPAN,
        after + 1,
    )
    tasks, more = _cut(
        (task for task in _of_blocks(look, blocks, (QUEUED,)) if task.id > after), limit
    )
    return Page(tasks, more)


def lanes(db: sqlite3.Connection, group: str) -> Iterator[int]:
    """The priorities of its queued tasks. One seek a lane; DISTINCT would read the index of every block that waits."""
    lane = db.execute(
        "SELECT min(priority) FROM blocks INDEXED BY blocks_lane WHERE queued > 0 AND grp = ?",
        (group,),
    ).fetchone()[0]
    while lane is not None:
        yield lane
        lane = db.execute(
            "SELECT min(priority) FROM blocks INDEXED BY blocks_lane"
            " WHERE queued > 0 AND grp = ? AND priority > ?",
            (group, lane),
        ).fetchone()[0]


def due(db: sqlite3.Connection, group: str, now: float, limit: int) -> Page:
    look = Look(db)
    tasks, more = _cut(_due(look, group, now), limit)
    return Page(tasks, more, next_due(db, group, now))


def next_due(db: sqlite3.Connection, group: str, after: float) -> float | None:
    """The first wall time after this one at which a delayed task is due."""
    row = db.execute(
        "SELECT due FROM singles INDEXED BY singles_delayed"
        " WHERE state = 1 AND grp = ? AND due > ? ORDER BY due LIMIT 1",
        (group, after),
    ).fetchone()
    return row[0] if row else None


def _due(look: Look, group: str, now: float) -> Iterator[Queued]:
    rows = look.db.execute(
        "SELECT id FROM singles INDEXED BY singles_delayed"
        " WHERE state = 1 AND grp = ? AND due <= ? ORDER BY due, id",
        (group, now),
    )
    for (number,) in rows:
        task = look.task(number)
        if task is not None:
            yield _of(task.block, number, look.texts(task.block), task.single)


def expired(db: sqlite3.Connection, group: str, now: float, limit: int) -> Page:
    look = Look(db)
    over = look.blocks(f"{_EXPIRING} AND expires <= ? ORDER BY expires, first", group, now)
    waiting = _of_blocks(look, over, (QUEUED, DELAYED))
    tasks, more = _cut((task for task in waiting if task.expires is not None), limit)
    return Page(tasks, more, next_expiry(look, group, now))


_EXPIRING = (
    "INDEXED BY blocks_expiry WHERE expires IS NOT NULL AND queued + delayed > 0 AND grp = ?"
)


def next_expiry(look: Look, group: str, after: float) -> float | None:
    """The first wall time after this one at which a waiting task expires."""
    later = look.blocks(f"{_EXPIRING} AND expires > ? ORDER BY expires", group, after)
    for block in later:
        waiting = look.waiting(block, (QUEUED, DELAYED))
        if any(single is None or not single.forgiven for _, single in waiting):
            return block.expires
    return None


def _of_blocks(look: Look, blocks: Iterable[Block], states: tuple[int, ...]) -> Iterator[Queued]:
    for block in blocks:
        texts = look.texts(block)
        if block.untouched:
            at, lane, expires = block.at, block.priority, block.expires
            affinity, hops = block.affinity, block.hops
            yield from [
                Queued(task, text, 0, at, lane, expires, affinity, hops)
                for task, text in enumerate(texts, block.first)
            ]
            continue
        for task, single in look.waiting(block, states):
            yield _of(block, task, texts, single)


def _of(block: Block, task: int, texts: list[str], single: Single | None) -> Queued:
    attempt = base = 0
    expires = block.expires
    if single is not None:
        attempt, base = single.attempt, single.base
        expires = None if single.forgiven else expires
    text = texts[task - block.first]
    return Queued(
        task, text, attempt, block.at, block.priority, expires, block.affinity, block.hops, base
    )


def _cut(found: Iterable[Queued], limit: int) -> tuple[tuple[Queued, ...], bool]:
    tasks: list[Queued] = []
    chars = 0
    for task in found:
        if len(tasks) == limit or chars >= PAGE_CHARS:
            return tuple(tasks), True
        tasks.append(task)
        chars += len(task.payload)
    return tuple(tasks), False
