"""The one writer: a thread that commits all batches that wait in one transaction.

Unlike the journal's, it does not try again what the disk refuses: who stores is told at once, and may. The next batch
opens the database anew.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from tmaxd.ports.store import Committed, StoreError
from tmaxd.store.entries import Outcome
from tmaxd.world.journal import room
from tmaxd.world.journal.schema import wal_of
from tmaxd.world.store.commit import Batch, apply
from tmaxd.world.store.schema import opened, prepare

GROUP: Final = 4096
"""Operations after which a transaction takes no further batch: what bounds how long one waits for others."""

GROUP_BYTES: Final = 16 * 1024 * 1024
"""Likewise in bytes of values."""

Answer = asyncio.Future[Sequence[Outcome]]
Asked = tuple[Batch, Answer]


class Writer:
    """Its thread and its connection begin with the first batch."""

    def __init__(
        self,
        path: Path,
        loop: asyncio.AbstractEventLoop,
        on_commit: Callable[[Committed], None],
    ) -> None:
        self._path = path
        self._loop = loop
        self._on_commit = on_commit
        self._db: sqlite3.Connection | None = None
        self._batches: SimpleQueue[Asked | None] = SimpleQueue()
        self._closed = False
        self._roomy = False
        self.trouble: str | None = None
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, batch: Batch) -> Answer:
        answer: Answer = self._loop.create_future()
        if self._closed:
            answer.set_exception(StoreError(f"{self._path}: is closed; nothing more is written"))
        else:
            self._batches.put((batch, answer))
        return answer

    def close(self) -> None:
        """Write what waits, and end the thread. Blocks."""
        if not self._closed:
            self._closed = True
            self._batches.put(None)
        self._thread.join()

    # ------------------------------------------------------------------------- in the thread

    def _run(self) -> None:
        last = False
        try:
            while not last:
                group, last = self._gather()
                if group:
                    self._commit(group)
        finally:
            self._let_go()

    def _gather(self) -> tuple[list[Asked], bool]:
        """Wait for a batch and take those that wait with it. True: none will follow."""
        first = self._batches.get()
        if first is None:
            return [], True
        group = [first]
        weight, size = first[0].weight, _bytes(first[0])
        while weight < GROUP and size < GROUP_BYTES:
            try:
                asked = self._batches.get_nowait()
            except Empty:
                break
            if asked is None:
                return group, True
            group.append(asked)
            weight, size = weight + asked[0].weight, size + _bytes(asked[0])
        return group, False

    def _commit(self, group: list[Asked]) -> None:
        answers = [answer for _, answer in group]
        try:
            outcomes, committed = self._transaction([batch for batch, _ in group])
        except StoreError as error:
            self._let_go()
            refused = error
            self.trouble = str(error)
            self._tell(lambda: _fail(answers, refused))
        except Exception as error:  # noqa: BLE001  # whatever it is, it must not end the thread
            self._let_go()
            self.trouble = f"{self._path}: cannot be written: {error}"
            refused = StoreError(f"{self.trouble}; nothing of it was stored")
            self._tell(lambda: _fail(answers, refused))
        else:
            self.trouble = None
            self._tell(lambda: self._done(answers, outcomes, committed))

    def _transaction(self, batches: list[Batch]) -> tuple[list[Sequence[Outcome]], Committed]:
        db = self._db
        if db is None:
            prepare(self._path, create=True)
            db = self._db = opened(self._path)
        db.execute("BEGIN IMMEDIATE")
        done = apply(db, batches)
        db.execute("COMMIT")
        if not self._roomy:
            self._roomy = True
            room.make(wal_of(self._path))
        return done

    def _let_go(self) -> None:
        """Closing rolls back what is open."""
        db, self._db = self._db, None
        if db is not None:
            with suppress(sqlite3.Error):
                db.close()

    def _tell(self, what: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody waits
            self._loop.call_soon_threadsafe(what)

    def _done(
        self, answers: list[Answer], outcomes: list[Sequence[Outcome]], committed: Committed
    ) -> None:
        self._on_commit(committed)
        for answer, outcome in zip(answers, outcomes, strict=True):
            if not answer.done():
                answer.set_result(outcome)


def _fail(answers: list[Answer], error: StoreError) -> None:
    for answer in answers:
        if not answer.done():
            answer.set_exception(error)


def _bytes(batch: Batch) -> int:
    return sum(len(getattr(operation, "data", b"")) for operation in batch.operations)
