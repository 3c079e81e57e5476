"""The ledger as values: notes, and what they say of each attempt in each process. Pure."""

from __future__ import annotations

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from tests.soak.kill import Kill
from tests.soak.note import KINDS, SIZE

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
