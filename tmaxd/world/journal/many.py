"""Many rows by one statement: SQLite works without Python's lock then, which `executemany` takes twice a row.

Statements come in few sizes, powers of two, so that few have to be prepared. What a size is too large for is filled
with rows of NULL, which are passed over: one statement less is one wait for the lock less.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

MOST = 64
"""Rows of one statement."""

Row = tuple[Any, ...]


def insert(db: sqlite3.Connection, into: str, rows: Sequence[Row], conflict: str = "") -> None:
    """`INSERT INTO into … conflict` for all rows, in order. No row begins with NULL."""
    head = f"INSERT INTO {into} SELECT * FROM ("  # noqa: S608  # ours
    _execute(db, head, rows, f") WHERE column1 NOT NULL{conflict}")


def update(db: sqlite3.Connection, change: str, rows: Sequence[Row], where: str) -> int:
    """`UPDATE change FROM rows AS v WHERE where`; how many rows it changed. No row of NULL matches `where`."""
    return _execute(db, f"UPDATE {change} FROM (", rows, f") AS v WHERE {where}")


def _execute(db: sqlite3.Connection, head: str, rows: Sequence[Row], tail: str) -> int:
    changed = 0
    for begin in range(0, len(rows), MOST):
        piece = rows[begin : begin + MOST]
        size = 1 << (len(piece) - 1).bit_length()
        width = len(piece[0])
        values = list(chain.from_iterable(piece))
        values += [None] * (width * (size - len(piece)))
        changed += db.execute(_statement(head, width, size, tail), values).rowcount
    return changed


@lru_cache(256)
def _statement(head: str, width: int, rows: int, tail: str) -> str:
    row = f"({','.join('?' * width)})"
    return f"{head}VALUES {','.join([row] * rows)}{tail}"


def array(numbers: Sequence[int]) -> str:
    """For `IN (SELECT value FROM json_each(?))`."""
    return f"[{','.join(map(str, numbers))}]"
