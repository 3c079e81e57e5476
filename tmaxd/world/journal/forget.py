"""Tasks that are over are deleted, as `purge` has planned it, within the transaction that is open."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

import msgspec

from tmaxd.world.journal.many import array, insert

Ids = tuple[int, int]
"""The first and the last of some ids in a row."""


class Cut(msgspec.Struct):
    """A block, and what of it goes and stays."""

    first: int
    group: str
    marked: bool
    gone: list[Ids]
    kept: list[Ids]


class Plan(msgspec.Struct):
    """What is to be done to the database."""

    cuts: list[Cut] = []
    counts: Counter[tuple[str, int]] = msgspec.field(default_factory=Counter)
    texts: list[tuple[int, bytes]] = []
    """New rows of `payloads`."""
    pieces: list[int] = []
    """Rows of `ends` that go."""
    ends: list[tuple[Any, ...]] = []
    """New ones."""
    files: list[str] = []
    bytes: int = 0
    next: tuple[float, int] | None = None

    @property
    def firsts(self) -> str:
        return array([cut.first for cut in self.cuts])


def forget(db: sqlite3.Connection, plan: Plan) -> None:
    db.execute(
        "DELETE FROM ends WHERE id IN (SELECT value FROM json_each(?))", (array(plan.pieces),)
    )
    insert(db, "ends (id, grp, worker, run, at, offsets, tasks)", plan.ends)
    db.execute(
        "DELETE FROM payloads WHERE first IN (SELECT value FROM json_each(?))", (plan.firsts,)
    )
    insert(db, "payloads (first, texts)", plan.texts)
    for cut in plan.cuts:
        if cut.marked:
            _singles(db, cut)
        _shrink(db, cut)
    whole = array([cut.first for cut in plan.cuts if not cut.kept])
    db.execute("DELETE FROM blocks WHERE first IN (SELECT value FROM json_each(?))", (whole,))
    db.executemany(
        "UPDATE counters SET n = n - ? WHERE grp = ? AND state = ?",
        [(n, *key) for key, n in plan.counts.items()],
    )


def _singles(db: sqlite3.Connection, cut: Cut) -> None:
    for ids in cut.gone:
        db.execute("DELETE FROM singles WHERE id BETWEEN ? AND ?", ids)
        db.execute("DELETE FROM attempts WHERE task BETWEEN ? AND ?", ids)


def _shrink(db: sqlite3.Connection, cut: Cut) -> None:
    """What stays of a block becomes blocks of the same kind."""
    for low, high in cut.kept:
        n = high - low + 1
        if low == cut.first:
            continue
        db.execute(
            "INSERT INTO blocks (first, n, grp, priority, at, queued, delayed, marked, over, expires, key,"
            " affinity, source, hops)"
            " SELECT ?, ?, grp, priority, at, 0, 0, 1, over, expires, key, affinity, source, hops"
            " FROM blocks WHERE first = ?",
            (low, n, cut.first),
        )
    if not cut.kept:
        return
    low, high = cut.kept[0]
    if low == cut.first:
        db.execute("UPDATE blocks SET n = ? WHERE first = ?", (high - low + 1, cut.first))
    else:
        db.execute("DELETE FROM blocks WHERE first = ?", (cut.first,))
