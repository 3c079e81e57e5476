"""Whether everything held: the ledger against the books and the promises. Pure.

Each broken promise is one sentence that names the task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from tests.soak.attempts import CLOCKS, tried
from tests.soak.kill import Kill
from tests.soak.note import PATIENCE
from tests.soak.promises import Promises
from tests.soak.row import Row, kind_of, serial_of
from tests.soak.spec import ROUTES, attempts_of
from tests.soak.works import Note, Process, Work, works_of

NS = 1_000_000_000

ENDS = ("done", "dead", "cancelled")


def verdict(
    notes: Sequence[Note], rows: Sequence[Row], promises: Promises, kills: Sequence[Kill]
) -> list[str]:
    """Every promise that was broken; empty when all held."""
    works = works_of(notes)
    own = [row for row in rows if row.source is None]
    found = [
        *kept(own, promises),
        *single(own, promises),
        *routed(rows),
        *apart(works, notes, kills),
        *agreed(rows, works),
        *expected(rows, promises),
        *tried(rows, works, kills, {row.group: attempts_of(row.group) for row in rows}),
    ]
    known = {row.id for row in rows}
    found += [
        f"task {task}: worked on, but not in the books" for task in works if task not in known
    ]
    return found


def kept(rows: Sequence[Row], promises: Promises) -> Iterator[str]:
    """What was accepted is in the books and has ended."""
    serials = {serial_of(row) for row in rows}
    by_id = {row.id: row for row in rows}
    for serial, task in promises.ids.items():
        row = by_id.get(task)
        if row is None:
            yield f"task {task} (serial {serial}): accepted, but not in the books"
        elif serial_of(row) != serial:
            yield f"task {task}: accepted with serial {serial}, the books say {row.payload[:40]!r}"
    for serial in promises.taken - serials:
        yield f"serial {serial}: accepted, but not in the books"
    for row in rows:
        if row.state not in ENDS:
            yield f"task {row.id}: is {row.state} at the end"


def single(rows: Sequence[Row], promises: Promises) -> Iterator[str]:
    """What is in the books was submitted, and is there once."""
    known = promises.known
    for serial, number in Counter(serial_of(row) for row in rows).items():
        if number > 1:
            yield f"serial {serial}: submitted once, {number} times in the books"
        if serial not in known:
            yield f"serial {serial}: in the books, but never submitted"


def routed(rows: Sequence[Row]) -> Iterator[str]:
    """Each end that takes a route made one task in each of its groups, and nothing else did."""
    by_id = {row.id: row for row in rows}
    made = Counter((row.source, row.group) for row in rows if row.source is not None)
    due = {
        (row.id, group): row
        for row in rows
        for route in ROUTES
        for group in route.to
        if route.start == row.group and route.when == row.state
    }
    for (task, group), row in due.items():
        if made[task, group] != 1:
            yield f"task {task}: {row.state} in {row.group}, made {made[task, group]} tasks in {group}"
    for row in rows:
        if row.source is None:
            continue
        source = by_id.get(row.source)
        if source is None or (source.id, row.group) not in due:
            yield f"task {row.id}: made in {row.group} by task {row.source}, which takes no such route"
        elif serial_of(row) != (serial_of(source) if source.state == "done" else source.id):
            yield f"task {row.id}: made by task {row.source}, but holds {row.payload[:40]!r}"


def apart(
    works: Mapping[int, list[Work]], notes: Sequence[Note], kills: Sequence[Kill]
) -> Iterator[str]:
    """No task was worked on by two at once."""
    deaths = {(kill.pid, kill.start): kill.before for kill in kills}
    last: dict[Process, int] = {}
    for note in notes:
        last[note.process] = max(note.at, last.get(note.process, 0))
    for task, there in works.items():
        there = sorted(there, key=lambda work: work.note.at)
        for one, other in pairwise(there):
            until = _until(one, deaths, last)
            if other.note.at < until:
                early = (until - other.note.at) / 1e6
                yield f"task {task}: begun by {other.note.process} {early:.3f} ms before {one.note.process} let go"
            if one.note.process == other.note.process and one.note.attempt == other.note.attempt:
                yield f"task {task}: attempt {one.note.attempt} twice in {one.note.process}"
    yield from _taken(notes, last, works)


def _until(work: Work, deaths: Mapping[Process, int], last: Mapping[Process, int]) -> int:
    """Until when it certainly was worked on. Without an end: as long as the process could do anything, which is
    until its kill, as far as we dealt it, and at least until its last note."""
    if work.end is not None:
        return work.end.at
    process = work.note.process
    return max(deaths.get(process, 0), last[process])


def _taken(
    notes: Sequence[Note], last: Mapping[Process, int], works: Mapping[int, list[Work]]
) -> Iterator[str]:
    """A lock that was held by another: that one must have been dying, and so have let go at once and in silence."""
    alive: dict[int, int] = {}
    for (pid, _), at in last.items():
        alive[pid] = max(at, alive.get(pid, 0))
    for note in notes:
        if note.kind != "taken":
            continue
        own = [w.note.at for w in works.get(note.task, ()) if w.note.process == note.process]
        begun = min((at for at in own if at > note.at), default=note.at)
        if begun - note.at >= PATIENCE * NS or alive.get(note.other, 0) > note.at:
            yield f"task {note.task}: begun by {note.process} while {note.other} worked on it"


def agreed(rows: Sequence[Row], works: Mapping[int, list[Work]]) -> Iterator[str]:
    """The books tell what the workers did."""
    for row in rows:
        done = works.get(row.id, [])
        if row.state == "done":
            if not any(
                w.note.attempt == row.attempt and w.end is not None and w.end.kind == "well"
                for w in done
            ):
                yield f"task {row.id}: done at attempt {row.attempt}, which no worker ended well"
            if row.result is not None and not _answers(row):
                yield f"task {row.id} (serial {serial_of(row)}): has the result {row.result[:40]!r}"
            if row.result is None:
                yield f"task {row.id}: done without a result"
        known = {row.attempt, *(one.attempt for one in row.tries)}
        for work in done:
            if work.note.attempt not in known:
                yield f"task {row.id}: attempt {work.note.attempt} began, and is not in the books"
            if row.ended is not None and work.note.at > row.ended + CLOCKS:
                late = (work.note.at - row.ended) / 1e6
                yield f"task {row.id}: begun {late:.0f} ms after its end stood in the books"


def _answers(row: Row) -> bool:
    return (row.result or "").startswith(f"{serial_of(row)} done at {row.attempt}")


def expected(rows: Sequence[Row], promises: Promises) -> Iterator[str]:
    """What waited was given up only as its submitter wanted. How attempts may end is `attempts`' affair."""
    for row in rows:
        name = f"task {row.id} ({kind_of(row)})"
        asked = promises.cancelled.get(row.id)
        if row.state == "dead" and not row.tries and row.outcome != "expired":
            yield f"{name}: dead ({row.outcome}), and was never tried"
        if row.outcome == "expired" and (row.source or serial_of(row) not in promises.expiring):
            yield f"{name}: expired, and had no such time"
        if row.state == "cancelled" and asked is None:
            yield f"{name}: cancelled, which nobody asked for"
        if asked == "cancelled" and row.state != asked:
            yield f"{name}: said to be cancelled, and {row.state} at the end"
