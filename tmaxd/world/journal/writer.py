"""The one writer: a thread that commits all batches that wait in one transaction, again until it succeeds.

A batch is never dropped and never overtaken. When the disk refuses (full, read-only, I/O error), the
connection is opened anew and the same batches are tried each second, `trouble` saying why. An error that
trying again cannot mend (a record that contradicts the database: a bug) breaks the journal: this batch and
all after it fail with JournalError, since what follows may rest on it. An errand is work that nothing rests on: it
has a transaction of its own, between those of batches, and what goes wrong in it is told and not tried again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from types import EllipsisType
from typing import Any, Generic, TypeVar

from tmaxd.ports import JournalError
from tmaxd.tasks.records import Done, Record, Submitted
from tmaxd.world import failpoints
from tmaxd.world.journal import fold, mark, room
from tmaxd.world.journal.schema import connect, wal_of

RETRY = 1.0
"""Seconds between two tries while the disk refuses."""

QUIET = 0.5
"""Seconds without a batch after which the WAL is given room: not while the daemon starts."""

GROUP_TASKS = 16_384
"""Tasks in its records after which a transaction takes no further batch: what bounds how long one waits for others."""

_MENDABLE = (sqlite3.OperationalError, sqlite3.InternalError)

Written = asyncio.Future[None]
Batch = tuple[Sequence[Record], Written]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Errand(Generic[T]):
    work: Callable[[sqlite3.Connection], T]
    done: asyncio.Future[T]


class Writer:
    """Owns `db`, opened in the caller's thread and closed in its own."""

    def __init__(
        self,
        path: Path,
        db: sqlite3.Connection,
        loop: asyncio.AbstractEventLoop,
        marker: mark.Marker,
        on_trouble: Callable[[str | None], None],
    ) -> None:
        self._path = path
        self._db = db
        self._loop = loop
        self._marker = marker
        self._on_trouble = on_trouble
        self._batches: SimpleQueue[Batch | _Errand[Any] | None] = SimpleQueue()
        self._closing = threading.Event()
        self._broken: JournalError | None = None
        self._roomy = False
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)
        self._thread.start()

    def write(self, records: Sequence[Record]) -> Written:
        done: Written = self._loop.create_future()
        if self._closing.is_set():
            done.set_exception(JournalError(f"{self._path}: is closed; nothing more is written"))
        else:
            self._batches.put((records, done))
        return done

    def run(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """An errand, within a transaction. Whoever waits for it gets what `work` returns, or JournalError: then it has
        changed nothing."""
        done: asyncio.Future[T] = self._loop.create_future()
        if self._closing.is_set():
            done.set_exception(JournalError(f"{self._path}: is closed; nothing more is written"))
        else:
            self._batches.put(_Errand(work, done))
        return done

    def close(self) -> None:
        """Write what waits, unless the disk refuses it, and end the thread. Blocks."""
        if not self._closing.is_set():
            self._closing.set()
            self._batches.put(None)
        self._thread.join()

    # ------------------------------------------------------------------------- in the thread

    def _run(self) -> None:
        try:
            while True:
                group, then = self._gather()
                if group:
                    self._commit(group)
                if isinstance(then, _Errand):
                    self._perform(then)
                elif then is None:
                    break
        finally:
            self._db.close()
            self._marker.close()

    def _gather(self) -> tuple[list[Batch], _Errand[Any] | EllipsisType | None]:
        """Wait for a batch and take those that wait with it; and what comes next: None is the end."""
        first = self._first()
        if not isinstance(first, tuple):
            return [], first
        group = [first]
        tasks = _tasks(first)
        while tasks < GROUP_TASKS:
            try:
                batch = self._batches.get_nowait()
            except Empty:
                break
            if not isinstance(batch, tuple):
                return group, batch
            group.append(batch)
            tasks += _tasks(batch)
        return group, ...

    def _first(self) -> Batch | _Errand[Any] | None:
        if not self._roomy:
            with suppress(Empty):
                return self._batches.get(timeout=QUIET)
            self._roomy = True
            room.make(wal_of(self._path))
        return self._batches.get()

    def _commit(self, group: list[Batch]) -> None:
        failure, reached = self._broken, None
        while failure is None:
            try:
                reached = self._transaction(group)
            except _MENDABLE as error:
                failure = self._refused(error)
            except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the thread
                self._broken = failure = JournalError(
                    f"{self._path}: a record cannot be written: {error!r}. This is a bug in tmaxd;"
                    " nothing more is written, start it again to go on from what is on disk"
                )
                self._say(str(failure))
                self._rollback()
            else:
                self._say(None)
                break
        self._tell([done for _, done in group], failure)
        if reached is not None:
            self._marker.put(reached)

    def _transaction(self, group: list[Batch]) -> mark.Mark:
        self._db.execute("BEGIN IMMEDIATE")
        fold.apply(self._db, [records for records, _ in group])
        reached = mark.count(self._db, self._marker.last.commits + 1)
        failpoints.hit("journal.before_commit")
        self._db.execute("COMMIT")
        failpoints.hit("journal.after_commit")
        return reached

    def _perform(self, errand: _Errand[Any]) -> None:
        result, failure = None, self._broken
        if failure is None:
            try:
                result = self._alone(errand.work)
            except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the thread
                self._rollback()
                failure = JournalError(f"{self._path}: {error}; nothing of it was done")
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(_answer, errand.done, result, failure)

    def _alone(self, work: Callable[[sqlite3.Connection], T]) -> T:
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        before = db.total_changes
        result = work(db)
        if db.total_changes == before:
            db.execute("ROLLBACK")  # a commit would cost an fsync
            return result
        reached = mark.count(db, self._marker.last.commits + 1)
        failpoints.hit("journal.before_commit")
        db.execute("COMMIT")
        failpoints.hit("journal.after_commit")
        self._marker.put(reached)
        return result

    def _refused(self, error: sqlite3.Error) -> JournalError | None:
        """Wait and open the database anew; an error when there is no use in waiting."""
        self._rollback()
        self._say(f"{self._path}: cannot be written: {error}; trying again every second")
        if self._closing.wait(RETRY):
            return JournalError(f"{self._path}: closed while it could not be written: {error}")
        try:
            fresh = connect(self._path)
        except sqlite3.Error:
            return None  # the old connection says why at the next try
        self._db.close()
        self._db = fresh
        return None

    def _say(self, trouble: str | None) -> None:
        if trouble == self.trouble:
            return
        self.trouble = trouble
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            self._loop.call_soon_threadsafe(self._on_trouble, trouble)

    def _rollback(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
        except sqlite3.Error:
            return  # SQLite has rolled back by itself, or does it when the connection closes

    def _tell(self, futures: list[Written], failure: JournalError | None) -> None:
        try:
            self._loop.call_soon_threadsafe(_settle, futures, failure)
        except RuntimeError:
            return  # the loop is closed: nobody waits


def _tasks(batch: Batch) -> int:
    """How many tasks the records speak of, a record of none as one."""
    return sum(
        len(r.payloads) if isinstance(r, Submitted) else len(r.tasks) if isinstance(r, Done) else 1
        for r in batch[0]
    )


def _answer(done: asyncio.Future[Any], result: object, failure: JournalError | None) -> None:
    if done.cancelled():
        return
    if failure is None:
        done.set_result(result)
    else:
        done.set_exception(failure)


def _settle(futures: list[Written], failure: JournalError | None) -> None:
    for done in futures:
        if done.cancelled():
            continue
        if failure is None:
            done.set_result(None)
        else:
            done.set_exception(failure)
