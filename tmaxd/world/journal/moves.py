"""How many tasks of which block wait: the changes of one transaction, added up and written block by block.

What nobody may get wrong is checked by the database: a block never has less than no waiting tasks, nor more than
it has tasks, so that a task which ends twice is an error.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator

from tmaxd.world.journal.many import array, update
from tmaxd.world.journal.pack import SPAN, Piece


class Contradiction(Exception):
    """A record that cannot be true of the tasks on disk."""


class Change:
    """What becomes of one block."""

    __slots__ = ("at", "delayed", "marked", "queued")

    def __init__(self) -> None:
        self.queued = self.delayed = self.marked = 0
        self.at = 0.0


class Moves:
    """Collects, then writes."""

    def __init__(self) -> None:
        self._pieces: list[tuple[Piece, float]] = []
        self._singles: list[tuple[int, int, int, float]] = []

    def single(self, task: int, queued: int, delayed: int, at: float) -> None:
        """A task that has a row of its own; by how much the numbers of its block change."""
        self._singles.append((task, queued, delayed, at))

    def done(self, piece: Piece, at: float) -> None:
        """Whether they were queued or delayed is found out here."""
        self._pieces.append((piece, at))

    def write(self, db: sqlite3.Connection) -> None:
        if not self._pieces and not self._singles:
            return
        blocks = _Blocks(db, self._spans())
        for task, queued, delayed, at in self._singles:
            change = blocks.of(task)
            change.queued += queued
            change.delayed += delayed
            change.marked = 1
            change.at = max(change.at, at)
        apart: list[int] = []
        for piece, at in self._pieces:
            apart += blocks.done(piece, at)
        if apart:
            self._end(db, blocks, array(apart))
        blocks.write(db)

    def _spans(self) -> Iterator[tuple[int, int]]:
        """The ranges of ids that are touched, with no small gaps between them."""
        low = high = 0
        touched = [(piece.low, piece.high) for piece, _ in self._pieces]
        for begin, end in sorted([*touched, *((s[0], s[0]) for s in self._singles)]):
            if begin > high + SPAN:
                if high:
                    yield low, high
                low = begin
            high = max(high, end)
        yield low, high

    @staticmethod
    def _end(db: sqlite3.Connection, blocks: _Blocks, done: str) -> None:
        """Those of the done tasks that have rows of their own."""
        delayed = db.execute(
            "SELECT id FROM singles WHERE state = 1 AND id IN (SELECT value FROM json_each(?))",
            (done,),
        )
        for (task,) in delayed.fetchall():
            change = blocks.of(task)
            change.queued += 1
            change.delayed -= 1
        db.execute(
            "UPDATE singles SET state = 3, due = NULL WHERE id IN (SELECT value FROM json_each(?))",
            (done,),
        )


class _Blocks:
    """The blocks of some ranges of ids, and what becomes of them."""

    def __init__(self, db: sqlite3.Connection, spans: Iterable[tuple[int, int]]) -> None:
        self._firsts: list[int] = []
        self._marked: set[int] = set()
        for low, high in spans:
            # One row, since every row that is handed over has Python's lock taken again.
            firsts, marked = db.execute(
                "SELECT group_concat(first), group_concat(CASE WHEN marked THEN first END) FROM blocks"
                " WHERE first BETWEEN ifnull((SELECT max(first) FROM blocks WHERE first <= ?1), ?1) AND ?2",
                (low, high),
            ).fetchone()
            self._firsts += map(int, firsts.split(",")) if firsts else ()
            self._marked.update(map(int, marked.split(",")) if marked else ())
        # Two ranges may lie in one block, and group_concat promises no order.
        self._firsts = sorted(set(self._firsts))
        self._changes: dict[int, Change] = {}

    def _change(self, first: int) -> Change:
        change = self._changes.get(first)
        if change is None:
            change = self._changes[first] = Change()
        return change

    def of(self, task: int) -> Change:
        return self._change(self._firsts[self._place(task)])

    def _place(self, task: int) -> int:
        place = bisect_right(self._firsts, task) - 1
        if place < 0:
            raise Contradiction(f"there is no task {task}")
        return place

    def done(self, piece: Piece, at: float) -> list[int]:
        """Count the piece as queued ones that are over; those of its tasks that may have rows of their own."""
        low, offsets = piece.low, piece.offsets
        begin, end = self._place(low), self._place(piece.high)
        apart: list[int] = []
        ordered = sorted(offsets) if end > begin else offsets
        for place in range(begin, end + 1):
            first = self._firsts[place]
            part = ordered
            if end > begin:
                part = ordered[self._cut(ordered, low, place) : self._cut(ordered, low, place + 1)]
            if not part:
                continue
            change = self._change(first)
            change.queued -= len(part)
            change.at = max(change.at, at)
            if change.marked or first in self._marked:
                apart += [low + offset for offset in part]
        return apart

    def _cut(self, ordered: bytes | list[int], low: int, place: int) -> int:
        """Where the tasks of the block at `place` begin."""
        if place >= len(self._firsts):
            return len(ordered)
        return bisect_left(ordered, self._firsts[place] - low)

    def write(self, db: sqlite3.Connection) -> None:
        rows = [
            (first, change.queued, change.delayed, change.marked, change.at)
            for first, change in self._changes.items()
        ]
        changed = update(
            db,
            "blocks SET queued = queued + v.column2, delayed = delayed + v.column3,"
            " marked = max(marked, v.column4),"
            " over = CASE WHEN queued + delayed + v.column2 + v.column3 = 0 THEN v.column5 END",
            rows,
            "first = v.column1",
        )
        if changed != len(rows):
            raise Contradiction(f"of {len(rows)} blocks {changed} are there")
