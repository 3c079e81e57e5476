"""One look at tasks on disk: what block, single, end and lease say of an id, put together.

A look is good for one answer, made within one read transaction. It remembers what it has read.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence

import msgspec

from tmaxd.tasks.records import DoneTask, Outcome
from tmaxd.world.journal import pack
from tmaxd.world.journal.schema import DELAYED, DONE, QUEUED

_BLOCK = "first, n, grp, priority, at, marked, queued, expires, key, affinity, source, hops"


class Single(msgspec.Struct, frozen=True, gc=False):
    """A row of `singles`."""

    id: int
    grp: str
    state: int
    attempt: int
    base: int
    forgiven: int
    due: float | None
    worker: str | None
    run: str | None
    sent: float | None
    started: float | None
    ended: float | None
    outcome: Outcome | None
    error: str | None


class End(msgspec.Struct, frozen=True, gc=False):
    """That a task is done: one place in a row of `ends`."""

    piece: int
    place: int
    worker: str
    run: str
    at: float


class Leased(msgspec.Struct, frozen=True, gc=False):
    """One task of a row of `sends`."""

    id: int
    attempt: int
    send: int
    group: str
    worker: str
    run: str
    at: float
    timeout: float | None


class Block(msgspec.Struct, gc=False):
    """A row of `blocks`."""

    first: int
    n: int
    group: str
    priority: int
    at: float
    marked: int
    queued: int
    expires: float | None
    key: str | None
    affinity: str | None
    source: int | None
    hops: int

    @property
    def last(self) -> int:
        return self.first + self.n - 1

    @property
    def untouched(self) -> bool:
        """All its tasks wait as they were submitted."""
        return self.queued == self.n and not self.marked


class Task(msgspec.Struct, gc=False):
    """What is known of one task."""

    id: int
    block: Block
    single: Single | None
    end: End | None

    @property
    def state(self) -> int:
        """By its rows: a leased one is still QUEUED or DELAYED."""
        if self.end is not None:
            return DONE
        return QUEUED if self.single is None else self.single.state

    @property
    def waits(self) -> bool:
        return self.state in (QUEUED, DELAYED)

    @property
    def spent(self) -> int:
        """Attempts, while it waits."""
        return 0 if self.single is None else self.single.attempt

    @property
    def expires(self) -> float | None:
        return None if self.single is not None and self.single.forgiven else self.block.expires


class Look:
    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._block: Block | None = None
        self._texts: tuple[int, list[str]] = (0, [])
        self._singles: tuple[int, dict[int, Single]] = (0, {})
        self._ends: tuple[int, dict[int, End]] = (0, {})
        self._pieces: dict[int, list[DoneTask]] = {}
        self._leases: dict[int, list[Leased]] | None = None

    def task(self, task: int) -> Task | None:
        block = self.block(task)
        if block is None:
            return None
        return Task(task, block, self.singles(block).get(task), self.ends(block).get(task))

    def block(self, task: int) -> Block | None:
        """The block that the task is in."""
        block = self._block
        if block is None or not block.first <= task <= block.last:
            row = self.db.execute(
                f"SELECT {_BLOCK} FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1",  # noqa: S608  # ours
                (task,),
            ).fetchone()
            if row is None or task >= row[0] + row[1]:
                return None
            self._block = block = Block(*row)
        return block

    def texts(self, block: Block) -> list[str]:
        """The payloads, in the order of the ids."""
        if self._texts[0] != block.first:
            packed = self.db.execute(
                "SELECT texts FROM payloads WHERE first = ?", (block.first,)
            ).fetchone()
            self._texts = (block.first, pack.texts(packed[0]))
        return self._texts[1]

    def singles(self, block: Block) -> dict[int, Single]:
        if not block.marked:
            return {}
        if self._singles[0] != block.first:
            rows = self.db.execute(
                "SELECT id, grp, state, attempt, base, forgiven, due, worker, run, sent, started, ended, outcome, error"
                " FROM singles WHERE id BETWEEN ? AND ?",
                (block.first, block.last),
            )
            self._singles = (block.first, {row[0]: Single(*row) for row in rows})
        return self._singles[1]

    def ends(self, block: Block) -> dict[int, End]:
        if block.untouched:
            return {}
        if self._ends[0] != block.first:
            rows = self.db.execute(
                "SELECT id, offsets, worker, run, at FROM ends WHERE id BETWEEN ? AND ?",
                (block.first - pack.SPAN + 1, block.last),
            )
            found = {
                low + offset: End(low, place, worker, run, at)
                for low, offsets, worker, run, at in rows
                for place, offset in enumerate(offsets)
            }
            self._ends = (block.first, found)
            self._pieces.clear()
        return self._ends[1]

    def done(self, end: End) -> DoneTask:
        """What the worker said of it."""
        piece = self._pieces.get(end.piece)
        if piece is None:
            packed = self.db.execute("SELECT tasks FROM ends WHERE id = ?", (end.piece,)).fetchone()
            piece = self._pieces[end.piece] = pack.done_tasks(packed[0])
        return piece[end.place]

    def lease(self, task: Task) -> Leased | None:
        """The lease that holds for the task: it waits, and for the attempt that the lease is for."""
        if not task.waits:
            return None
        held = self.leases().get(task.id, ())
        return next((lease for lease in held if lease.attempt == task.spent + 1), None)

    def leases(self) -> dict[int, list[Leased]]:
        """All of them by task, the latest first, whether they hold or not."""
        if self._leases is None:
            self._leases = {}
            for send, group, worker, run, at, timeout, packed in self.db.execute(
                "SELECT send, grp, worker, run, at, timeout, tasks FROM sends ORDER BY send DESC"
            ):
                ids, attempts = pack.ids(packed)
                for task, attempt in zip(ids, attempts, strict=True):
                    leased = Leased(task, attempt, send, group, worker, run, at, timeout)
                    self._leases.setdefault(task, []).append(leased)
        return self._leases

    def waiting(self, block: Block, states: Sequence[int]) -> list[tuple[int, Single | None]]:
        """Its tasks in these states, by id."""
        if block.untouched:
            return [(task, None) for task in range(block.first, block.last + 1)]
        singles, ends = self.singles(block), self.ends(block)
        found = []
        for task in range(block.first, block.last + 1):
            single = singles.get(task)
            state = QUEUED if single is None else single.state
            if state in states and task not in ends:
                found.append((task, single))
        return found

    def blocks(self, where: str, *values: object) -> Iterator[Block]:
        """Those that match, read as they are asked for; `where` is SQL of ours, with index and order."""
        rows = self.db.execute(f"SELECT {_BLOCK} FROM blocks {where}", values)  # noqa: S608  # ours
        return (Block(*row) for row in rows)
