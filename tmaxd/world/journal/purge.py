"""Which tasks, of what is over, are forgotten in one slice. `forget` deletes them within the same transaction.

Tasks stand on disk in blocks, and what was done in pieces that may reach over several of them. A block goes as a
whole where all its tasks may go; else those that stay get blocks of their own, and pieces are written anew without
those that go.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import msgspec

from tmaxd.tasks.records import Purge, Purged, Span, State
from tmaxd.world.journal import pack
from tmaxd.world.journal.forget import Cut, Ids, Plan, forget
from tmaxd.world.journal.many import array
from tmaxd.world.journal.needed import SPOOLED
from tmaxd.world.journal.schema import CANCELLED, DEAD, DONE, STATE_NAMES

WINDOW = 1024
"""Blocks that are looked at for one slice, whether they may go or not."""

SPANS = 100
"""Spans that an answer names at most."""


def purge(db: sqlite3.Connection, wish: Purge) -> Purged:
    """What goes; it has gone, within the transaction that is open, unless it is a dry run."""
    began = time.perf_counter()
    done = _purge(db, wish)
    return msgspec.structs.replace(done, took=time.perf_counter() - began)


def _purge(db: sqlite3.Connection, wish: Purge) -> Purged:
    if wish.what == "events":
        return _events(db, wish)
    plan = _choose(db, wish)
    if not plan.cuts:
        return Purged(next=plan.next)
    _payloads(db, plan)
    if wish.what == "tasks":
        _ends(db, plan)
    if not wish.dry:
        forget(db, plan)
    return _told(plan)


def _told(plan: Plan) -> Purged:
    counts: dict[str, dict[State, int]] = {}
    for (group, state), n in plan.counts.items():
        counts.setdefault(group, {})[STATE_NAMES[state]] = n
    spans = [Span(cut.group, *ids) for cut in plan.cuts[:SPANS] for ids in cut.gone]
    return Purged(
        count=plan.counts.total(),
        bytes=plan.bytes,
        spans=tuple(spans[:SPANS]),
        files=tuple(plan.files),
        counts=counts,
        next=plan.next,
    )


# ------------------------------------------------------------------------------------- choose


def _choose(db: sqlite3.Connection, wish: Purge) -> Plan:
    plan, tasks = Plan(), 0
    rows = db.execute(
        "SELECT first, n, grp, marked, over FROM blocks INDEXED BY blocks_over"
        " WHERE over IS NOT NULL AND over < ?1 AND over >= ?2 AND (over > ?2 OR first > ?3)"
        " ORDER BY over, first LIMIT ?4",
        (wish.before, *wish.after, WINDOW),
    ).fetchall()
    for first, n, group, marked, over in rows:
        plan.next = over, first
        if (marked or wish.what == "tasks") and (not wish.groups or group in wish.groups):
            cut = _cut(db, wish, plan.counts, (first, first + n - 1), group, bool(marked))
            plan.cuts += [cut] if cut.gone else []
            tasks += sum(last - low + 1 for low, last in cut.gone)
        if tasks >= wish.limit:
            return plan
    if len(rows) < WINDOW:
        plan.next = None
    return plan


def _cut(
    db: sqlite3.Connection, wish: Purge, counts: Counter[tuple[str, int]], ids: Ids, group: str, marked: bool
) -> Cut:  # fmt: skip
    """What of a block goes, with the counts that change."""
    first, last = ids
    if not marked:
        counts[group, DONE] += last - first + 1
        return Cut(first, group, marked, [ids], [])
    ended = dict(
        db.execute("SELECT id, state FROM singles WHERE id BETWEEN ? AND ? AND state >= 4", ids)
    )
    goes = {DEAD} if wish.what == "dead" else {DONE, CANCELLED}
    gone: list[int] = []
    kept: list[int] = []
    for task in range(first, last + 1):
        state = ended.get(task, DONE)
        if state in goes:
            counts[group, state] += 1
            gone.append(task)
        else:
            kept.append(task)
    return Cut(first, group, marked, list(_in_a_row(gone)), list(_in_a_row(kept)))


def _in_a_row(ids: Iterable[int]) -> Iterator[Ids]:
    low = high = -1
    for task in ids:
        if task != high + 1:
            if low >= 0:
                yield low, high
            low = task
        high = task
    if low >= 0:
        yield low, high


def _payloads(db: sqlite3.Connection, plan: Plan) -> None:
    """The payloads of those that stay, packed anew; and how much less there is then."""
    plan.bytes += db.execute(
        "SELECT ifnull(sum(length(texts)), 0) FROM payloads"
        " WHERE first IN (SELECT value FROM json_each(?))",
        (plan.firsts,),
    ).fetchone()[0]
    for cut in plan.cuts:
        if not cut.kept:
            continue
        packed = db.execute("SELECT texts FROM payloads WHERE first = ?", (cut.first,)).fetchone()
        texts = pack.texts(packed[0])
        for low, high in cut.kept:
            row = low, pack.encode(texts[low - cut.first : high - cut.first + 1])
            plan.texts.append(row)
            plan.bytes -= len(row[1])


def _ends(db: sqlite3.Connection, plan: Plan) -> None:
    """The pieces of those that go."""
    gone = set[int]()
    spans = list[Ids]()
    for low, high in sorted(ids for cut in plan.cuts for ids in cut.gone):
        gone.update(range(low, high + 1))
        if spans and spans[-1][1] == low - 1:
            spans[-1] = spans[-1][0], high
        else:
            spans.append((low, high))
    seen = set[int]()
    whole = list[int]()
    for low, high in spans:
        rows = db.execute(
            "SELECT id, offsets FROM ends WHERE id BETWEEN ? AND ?", (low - pack.SPAN + 1, high)
        ).fetchall()
        for piece, offsets in rows:
            if piece in seen:
                continue
            seen.add(piece)
            left = [offset for offset in offsets if piece + offset not in gone]
            if not left:
                whole.append(piece)
            elif len(left) < len(offsets):
                _rewrite(db, plan, piece, gone)
    _whole(db, plan, whole)


def _whole(db: sqlite3.Connection, plan: Plan, pieces: Sequence[int]) -> None:
    """Pieces that go, and the files that they name."""
    plan.pieces += pieces
    plan.bytes += db.execute(
        "SELECT ifnull(sum(length(tasks)), 0) FROM ends"
        " WHERE id IN (SELECT value FROM json_each(?))",
        (array(pieces),),
    ).fetchone()[0]
    with_files = db.execute(
        "SELECT tasks FROM ends WHERE id IN (SELECT value FROM json_each(?)) AND instr(tasks, ?) > 0",
        (array(pieces), SPOOLED),
    )
    for (packed,) in with_files:
        plan.files += [task[5] for task in pack.done_tasks(packed) if task[5] is not None]


def _rewrite(db: sqlite3.Connection, plan: Plan, piece: int, gone: set[int]) -> None:
    """A piece of which some stay: under the lowest id of these."""
    row = db.execute("SELECT grp, worker, run, at, tasks FROM ends WHERE id = ?", (piece,))
    group, worker, run, at, packed = row.fetchone()
    tasks = pack.done_tasks(packed)
    plan.files += [task[5] for task in tasks if task[0] in gone and task[5] is not None]
    kept = [task for task in tasks if task[0] not in gone]
    low = min(task[0] for task in kept)
    anew = pack.encode(kept)
    plan.pieces.append(piece)
    plan.ends.append((low, group, worker, run, at, bytes(task[0] - low for task in kept), anew))
    plan.bytes += len(packed) - len(anew)


# ------------------------------------------------------------------------------------- events


def _events(db: sqlite3.Connection, wish: Purge) -> Purged:
    rows = db.execute(
        "SELECT seq, at, length(fields) + length(name) + length(worker) + length(reason) FROM events"
        " WHERE seq > ? ORDER BY seq LIMIT ?",
        (wish.after[1], wish.limit),
    ).fetchall()
    old = [(seq, size) for seq, at, size in rows if at < wish.before]
    if old and not wish.dry:
        db.execute(
            "DELETE FROM events WHERE seq IN (SELECT value FROM json_each(?))",
            (array([seq for seq, _ in old]),),
        )
    more = len(rows) == wish.limit
    return Purged(
        count=len(old),
        bytes=sum(size for _, size in old),
        next=(float("-inf"), rows[-1][0]) if more else None,
    )
