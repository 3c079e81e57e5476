"""Leases on disk: which tasks were assigned to which run by one write."""

from __future__ import annotations

import sqlite3

from tmaxd.tasks.records import Assigned, Delivered, Released
from tmaxd.world.journal.many import array, insert
from tmaxd.world.journal.pack import encode
from tmaxd.world.journal.pack import ids as unpack


class Leases:
    """Collects, then writes. A lease that comes and goes within a transaction is not written at all."""

    def __init__(self) -> None:
        self._new: dict[int, Assigned] = {}
        self._delivered: list[int] = []
        self._released: list[str] = []
        self._revived: set[int] = set()

    def assigned(self, r: Assigned) -> None:
        self._new[r.send] = r

    def delivered(self, r: Delivered) -> None:
        for send in r.sends:
            if self._new.pop(send, None) is None:
                self._delivered.append(send)

    def released(self, r: Released) -> None:
        self._new = {send: new for send, new in self._new.items() if new.run != r.run}
        self._released.append(r.run)

    def revived(self, task: int) -> None:
        """It waits again, perhaps for the attempt of a lease that its end had made void."""
        self._revived.add(task)

    def write(self, db: sqlite3.Connection) -> None:
        if self._delivered:
            db.execute(
                "DELETE FROM sends WHERE send IN (SELECT value FROM json_each(?))",
                (array(self._delivered),),
            )
        for run in self._released:
            db.execute("DELETE FROM sends WHERE run = ?", (run,))
        if self._revived:
            self._forget(db)
        insert(
            db,
            "sends (send, grp, worker, run, at, timeout, tasks)",
            [
                (send, r.group, r.worker, r.run, r.at, r.timeout, encode((r.ids, r.attempts)))
                for send, r in self._new.items()
            ],
        )

    def _forget(self, db: sqlite3.Connection) -> None:
        """Take the revived tasks out of the leases on disk. There are few leases: of tasks in flight."""
        for send, packed in db.execute("SELECT send, tasks FROM sends").fetchall():
            ids, attempts = unpack(packed)
            if self._revived.isdisjoint(ids):
                continue
            kept = [
                pair for pair in zip(ids, attempts, strict=True) if pair[0] not in self._revived
            ]
            db.execute(
                "UPDATE sends SET tasks = ? WHERE send = ?",
                (encode(([task for task, _ in kept], [attempt for _, attempt in kept])), send),
            )
