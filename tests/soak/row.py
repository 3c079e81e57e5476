"""A task as the books have it at the end, with all that was tried. Values only; times are CLOCK_MONOTONIC in ns."""

from __future__ import annotations

import msgspec

UNCOUNTED = frozenset({"unsent", "interrupted", "returned"})
"""How attempts end that count against no limit (docs/tasks.md). Said here once more: the suite does not ask the
program what is right."""
LONGEST_WORD = 20


class Try(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt that has ended."""

    attempt: int
    worker: str
    run: str
    outcome: str
    error: str = ""
    sent: int
    ended: int

    @property
    def counts(self) -> bool:
        return self.outcome not in UNCOUNTED


class Row(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    group: str
    state: str
    attempt: int
    payload: str
    """At least its beginning."""
    ended: int | None
    """None: it has not."""
    outcome: str | None = None
    result: str | None = None
    """At least its beginning."""
    tries: tuple[Try, ...] = ()
    """In their order; the last one is that with which the task ended, unless it waited then."""
    source: int | None = None
    """The task whose end made this one."""

    @property
    def violence(self) -> int:
        """Attempts that ended with the death of a process."""
        return sum(map(violent, self.tries))


def violent(one: Try) -> bool:
    """Its worker died, or (`task:` groups) the process that the runner had started for it."""
    return one.outcome == "lost" or one.error.startswith("killed by SIG")


def serial_of(row: Row) -> int:
    """The first word of the payload; -1 where that is no number."""
    word = row.payload[:LONGEST_WORD].partition(" ")[0]
    return int(word) if word.isdecimal() else -1


def kind_of(row: Row) -> str:
    return [*row.payload.split(" ", 2), "", ""][1]
