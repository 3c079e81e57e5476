"""The task table, newest first: candidates from whatever index fits the question, then an exact look at each.

`candidates` may give too many ids, never too few, and always from the newest to the oldest; so an answer reads as
far as its limit needs and no further.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from heapq import heappop, heappush, merge

from tmaxd.tasks.records import State, TaskFilter, TaskRow
from tmaxd.world.journal.look import Look
from tmaxd.world.journal.named import row_of
from tmaxd.world.journal.pack import SPAN
from tmaxd.world.journal.schema import DELAYED, QUEUED, STATE_NAMES
from tmaxd.world.journal.waiting import lanes

MAX_ROWS = 1000
"""Rows of one answer, whatever the limit asked for."""

Ids = Iterator[int]


def tasks(db: sqlite3.Connection, filters: TaskFilter) -> tuple[TaskRow, ...]:
    """The newest that match, newest first."""
    limit = max(0, min(filters.limit, MAX_ROWS))
    states: set[State] = {"sent" if state == "running" else state for state in filters.states}
    look = Look(db)
    rows: list[TaskRow] = []
    last = None
    for number in candidates(look, filters, states) if limit else ():
        if number == last:
            continue
        last = number
        task = look.task(number)
        if task is None:
            continue
        row = row_of(look, task)
        if _matches(row, filters, states):
            rows.append(row)
            if len(rows) == limit:
                break
    return tuple(rows)


def _matches(row: TaskRow, filters: TaskFilter, states: set[State]) -> bool:
    return (
        (filters.group is None or row.group == filters.group)
        and (not states or row.state in states)
        and (not filters.ids or row.id in filters.ids)
        and (filters.worker is None or row.worker == filters.worker)
        and (filters.key is None or row.key == filters.key)
        and (filters.source is None or row.source == filters.source)
    )


def candidates(look: Look, filters: TaskFilter, states: set[State]) -> Ids:
    """Ids below `filters.before` among which all that match are."""
    if filters.ids:
        return _below(filters.before, sorted(set(filters.ids), reverse=True))
    if filters.key is not None:
        return _blocks(look, filters, " AND key IS NOT NULL AND key = ?", filters.key)
    if filters.source is not None:
        return _blocks(look, filters, " AND source IS NOT NULL AND source = ?", filters.source)
    if filters.worker is not None:
        return merge(
            _ends(look, filters),
            _of_worker(look, filters),
            _leases(look, filters),
            reverse=True,
        )
    if not states or {"queued", "done"} <= states:
        return _blocks(look, filters)
    return merge(*(_in_state(look, filters, state) for state in states), reverse=True)


def _in_state(look: Look, filters: TaskFilter, state: State) -> Ids:
    if state == "queued":
        return _queued(look, filters)
    if state == "done":
        return _ends(look, filters)
    if state == "sent":
        return _leases(look, filters)
    return _in_groups(look, filters, STATE_NAMES.index(state))


def _below(before: int | None, ids: list[int]) -> Ids:
    return (number for number in ids if before is None or number < before)


def _blocks(look: Look, filters: TaskFilter, where: str = "", *values: object) -> Ids:
    """All tasks of the blocks that match."""
    if filters.group is not None:
        where, values = where + " AND grp = ?", (*values, filters.group)
    rows = look.db.execute(
        f"SELECT first, n FROM blocks WHERE first < ?{where} ORDER BY first DESC",  # noqa: S608  # ours
        (_end(filters), *values),
    )
    return _of_blocks(rows, filters)


def _groups(look: Look, filters: TaskFilter, state: int) -> list[str]:
    """Those that have tasks in this state. What is in flight counts as it did before."""
    rows = look.db.execute(
        "SELECT grp FROM counters WHERE state = ? AND n > 0 AND (?2 IS NULL OR grp = ?2)",
        (state, filters.group),
    )
    return [group for (group,) in rows.fetchall()]


def _queued(look: Look, filters: TaskFilter) -> Ids:
    """All tasks of the blocks in which some are queued, lane by lane."""
    groups = _groups(look, filters, QUEUED)
    in_lanes = (
        _lane(look, filters, group, lane) for group in groups for lane in lanes(look.db, group)
    )
    return merge(*in_lanes, reverse=True)


def _lane(look: Look, filters: TaskFilter, group: str, priority: int) -> Ids:
    rows = look.db.execute(
        "SELECT first, n FROM blocks INDEXED BY blocks_lane WHERE queued > 0 AND grp = ?"
        " AND priority = ? AND first < ? ORDER BY first DESC",
        (group, priority, _end(filters)),
    )
    return _of_blocks(rows, filters)


def _of_blocks(rows: sqlite3.Cursor, filters: TaskFilter) -> Ids:
    end = _end(filters)
    for first, n in rows:
        yield from range(min(first + n, end) - 1, first - 1, -1)


def _in_groups(look: Look, filters: TaskFilter, state: int) -> Ids:
    """Singles in this state, group by group: so its index has them in order, however many there are."""
    by_group = (_single_ids(look, filters, group, state) for group in _groups(look, filters, state))
    return merge(*by_group, reverse=True)


def _single_ids(look: Look, filters: TaskFilter, group: str, state: int) -> Ids:
    index, rest = (
        ("singles_delayed_id", "state = 1") if state == DELAYED else ("singles_ended", "state >= 4")
    )
    rows = look.db.execute(
        f"SELECT id FROM singles INDEXED BY {index} WHERE {rest} AND state = ? AND grp = ? AND id < ?"  # noqa: S608  # ours
        " ORDER BY id DESC",
        (state, group, _end(filters)),
    )
    return (row[0] for row in rows)


def _of_worker(look: Look, filters: TaskFilter) -> Ids:
    """Singles that the worker had last."""
    where = "id < ? AND worker = ?"
    values: list[object] = [_end(filters), filters.worker]
    if filters.group is not None:
        where += " AND +grp = ?"  # not by an index of the group, which has them in another order
        values.append(filters.group)
    rows = look.db.execute(f"SELECT id FROM singles WHERE {where} ORDER BY id DESC", values)  # noqa: S608  # ours
    return (row[0] for row in rows)


def _leases(look: Look, filters: TaskFilter) -> Ids:
    return _below(filters.before, sorted(look.leases(), reverse=True))


def _ends(look: Look, filters: TaskFilter) -> Ids:
    """What is done. The pieces overlap, so an id is given out once no later piece can hold a higher one."""
    end = _end(filters)
    where = "id < ?"
    values: list[object] = [end]
    for column, value in (("grp", filters.group), ("worker", filters.worker)):
        if value is not None:
            where += f" AND {column} = ?"
            values.append(value)
    ready: list[int] = []  # negative, for the heap
    rows = look.db.execute(f"SELECT id, offsets FROM ends WHERE {where} ORDER BY id DESC", values)  # noqa: S608  # ours
    for low, offsets in rows:
        while ready and -ready[0] >= low + SPAN:
            yield -heappop(ready)
        for offset in offsets:
            if low + offset < end:
                heappush(ready, -(low + offset))
    while ready:
        yield -heappop(ready)


def _end(filters: TaskFilter) -> int:
    return filters.before if filters.before is not None else 2**63 - 1
