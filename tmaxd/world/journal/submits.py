"""Submits into blocks: the rows of `blocks` and `payloads`, and rows for tasks that are delayed at first."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from tmaxd.tasks.records import Submitted
from tmaxd.world.journal.many import insert
from tmaxd.world.journal.moves import Contradiction
from tmaxd.world.journal.pack import blocks
from tmaxd.world.journal.schema import DELAYED


class Submits:
    """Collects, then writes. Submits that follow each other and differ in nothing become one block."""

    def __init__(self) -> None:
        self._first: int | None = None
        self._next = 0
        self._blocks: list[tuple[Any, ...]] = []
        self._payloads: list[tuple[int, bytes]] = []
        self._delayed: list[tuple[int, int, str, int, float]] = []
        self._open: Submitted | None = None
        self._texts: list[str] = []
        """The payloads of the block that `_open` began and that may still grow."""

    def add(self, r: Submitted) -> None:
        if self._first is None:
            self._first = r.first_id
        elif r.first_id < self._next:
            raise Contradiction(f"task {r.first_id} comes after {self._next - 1}")
        self._next = r.first_id + len(r.payloads)
        if self._open is not None and self._continues(self._open, r):
            self._texts.append(r.payloads[0])
            return
        self._shut()
        if len(r.payloads) == 1:
            self._open, self._texts = r, [r.payloads[0]]
        else:
            self._cut(r, r.payloads)

    def _continues(self, block: Submitted, r: Submitted) -> bool:
        """Whether the one task of `r` may stand in the block."""
        return (
            len(r.payloads) == 1
            and r.first_id == block.first_id + len(self._texts)
            and r.group == block.group
            and r.at == block.at
            and r.options == block.options
            and r.options.key is None
        )

    def _shut(self) -> None:
        if self._open is not None:
            self._cut(self._open, self._texts)
            self._open = None

    def _cut(self, r: Submitted, texts: Sequence[str]) -> None:
        for first, n, packed in blocks(r.first_id, texts):
            self._block(r, first, n, packed)

    def _block(self, r: Submitted, first: int, n: int, packed: bytes) -> None:
        o = r.options
        queued, delayed = (n, 0) if o.due is None else (0, n)
        self._blocks.append(
            (first, n, r.group, o.priority, r.at, queued, delayed, int(o.due is not None), o.expires,
             o.key, o.affinity, o.source, o.hops)
        )  # fmt: skip
        self._payloads.append((first, packed))
        if o.due is not None:
            self._delayed.append((first, first + n - 1, r.group, DELAYED, o.due))

    def write(self, db: sqlite3.Connection) -> None:
        if self._first is None:
            return
        self._shut()
        insert(
            db,
            "blocks (first, n, grp, priority, at, queued, delayed, marked, expires, key,"
            " affinity, source, hops)",
            self._blocks,
        )
        insert(db, "payloads (first, texts)", self._payloads)
        for row in self._delayed:
            db.execute(
                "INSERT INTO singles (id, grp, state, attempt, due)"
                " WITH RECURSIVE ids (i) AS (VALUES (?1) UNION ALL SELECT i + 1 FROM ids WHERE i < ?2)"
                " SELECT i, ?3, ?4, 0, ?5 FROM ids",
                row,
            )
        # Kept apart from the tasks, since those are deleted one day and ids never return.
        done = db.execute(
            "UPDATE meta SET value = ? WHERE key = 'next_id' AND value <= ?",
            (self._next, self._first),
        )
        if done.rowcount != 1:
            raise Contradiction(f"task {self._first} was submitted before")
