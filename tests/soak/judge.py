"""Whether everything held: the ledger against the books and the promises. Pure.

Each broken promise is one sentence that names the task.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from tests.soak.field import Kill
from tests.soak.note import KINDS, PATIENCE, SIZE
from tests.soak.promises import Promises

NS = 1_000_000_000
CLOCKS = 50_000_000
"""ns by which wall time may differ from its distance to CLOCK_MONOTONIC at the beginning: it is slewed."""

ENDS = ("done", "dead", "cancelled")

Process = tuple[int, int]
"""pid and start time"""


class Note(msgspec.Struct, frozen=True):
    kind: str
    """One of `note.KINDS`."""
    task: int
    attempt: int
    pid: int
    start: int
    at: int
    """CLOCK_MONOTONIC, ns."""
    other: int = 0

    @property
    def process(self) -> Process:
        return self.pid, self.start


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """A task as the books have it at the end."""

    id: int
    group: str
    state: str
    attempt: int
    payload: str
    """At least its beginning."""
    ended: int | None
    """CLOCK_MONOTONIC, ns; None: it has not."""
    outcome: str | None = None
    result: str | None = None
    """At least its beginning."""
    violence: int = 0
    """Attempts that ended with the death of a process."""
    tried: tuple[int, ...] = ()
    """The earlier attempts that are in its story, those that were not counted too."""
    source: int | None = None
    """The task whose end made this one."""


class Work(msgspec.Struct, kw_only=True):
    """One attempt in one process."""

    note: Note
    end: Note | None = None


_LETTERS = {letter: kind for kind, letter in KINDS.items()}


def notes_of(ledger: bytes) -> list[Note]:
    """Raises ValueError for a ledger with anything else in it."""
    if len(ledger) % SIZE:
        raise ValueError(f"the ledger has {len(ledger)} bytes, no multiple of {SIZE}")
    notes = []
    for place in range(0, len(ledger), SIZE):
        letter, *numbers = ledger[place : place + SIZE].decode("ascii").split()
        notes.append(Note(_LETTERS[letter], *map(int, numbers)))
    return notes


def works_of(notes: Iterable[Note]) -> dict[int, list[Work]]:
    """Task to what was done for it, in the order of the ledger."""
    works: dict[int, list[Work]] = defaultdict(list)
    under_way: dict[tuple[Process, int], Work] = {}
    for note in notes:
        key = note.process, note.task
        if note.kind == "begin":
            under_way[key] = work = Work(note=note)
            works[note.task].append(work)
        elif note.kind in ("well", "badly") and key in under_way:
            under_way.pop(key).end = note
    return works


def in_hand(works: Mapping[int, list[Work]], kills: Sequence[Kill], what: str) -> int:
    """Attempts that were under way when one of these was killed: how well the storm aimed."""
    instants = sorted(kill.before for kill in kills if kill.what == what)
    spans = [(work.note.at, work.end.at) for there in works.values() for work in there if work.end]
    return sum(bisect(instants, end) > bisect(instants, begin) for begin, end in spans)


def verdict(
    notes: Sequence[Note],
    rows: Sequence[Row],
    promises: Promises,
    kills: Sequence[Kill],
    start: str = "",
) -> list[str]:
    """Every promise that was broken; empty when all held. `start`: the group from which a route leads on."""
    works = works_of(notes)
    own = [row for row in rows if row.source is None]
    made = [row for row in rows if row.source is not None]
    found = [
        *kept(own, promises),
        *single(own, promises),
        *routed(own, made, start),
        *apart(works, notes, kills),
        *agreed(rows, works),
        *expected(own, promises),
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


def routed(rows: Sequence[Row], made: Sequence[Row], start: str) -> Iterator[str]:
    """Each task of the group `start` that is done made one more, and nothing else did."""
    sources = Counter(row.source for row in made)
    by_id = {row.id: row for row in rows}
    for row in rows:
        if row.group == start and row.state == "done" and sources[row.id] != 1:
            yield f"task {row.id}: done in {start}, made {sources[row.id]} tasks"
    for row in made:
        source = by_id.get(row.source or 0)
        if source is None or source.group != start or source.state != "done":
            yield f"task {row.id}: made by task {row.source}, which is not done in {start}"
        elif serial_of(source) != serial_of(row):
            yield f"task {row.id}: made by task {row.source}, but holds {row.payload[:40]!r}"
        if row.state != "done" and not row.violence:
            yield f"task {row.id}: made by a route, and {row.state} ({row.outcome}) at the end"


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
        for work in done:
            if work.note.attempt not in (row.attempt, *row.tried):
                yield f"task {row.id}: attempt {work.note.attempt} began, and is not in the books"
            if row.ended is not None and work.note.at > row.ended + CLOCKS:
                late = (work.note.at - row.ended) / 1e6
                yield f"task {row.id}: begun {late:.0f} ms after its end stood in the books"


def _answers(row: Row) -> bool:
    return (row.result or "").startswith(f"{serial_of(row)} done at {row.attempt}")


def expected(rows: Sequence[Row], promises: Promises) -> Iterator[str]:
    """The end is the one that the submitter asked for; only a task over which processes died may be given up."""
    for row in rows:
        kind = promises.kind_of(serial_of(row))
        always = kind in ("doomed", "poison")
        verdict = promises.cancelled.get(row.id)
        expired = row.outcome == "expired" and serial_of(row) in promises.expiring
        if row.state == "done" and always:
            yield f"task {row.id} ({kind}): done"
        if row.state == "dead" and not (always or row.violence or expired):
            yield f"task {row.id} ({kind}): dead ({row.outcome}), and no process died over it"
        if row.state == "cancelled" and verdict is None:
            yield f"task {row.id} ({kind}): cancelled, which nobody asked for"
        if verdict == "cancelled" and row.state != verdict:
            yield f"task {row.id} ({kind}): said to be cancelled, and {row.state} at the end"


def serial_of(row: Row) -> int:
    word = row.payload.partition(" ")[0]
    return int(word) if word.isdecimal() else -1
