"""What happened, numbered and durable: every line of the log becomes an event that users can look at and follow.

A repeat (the same thing, with the same worker, for the same reason, not long after) takes the place of what it
repeats, under a number of its own, with a count: a worker that crashes all night is a few events and not thousands.
"""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress

import msgspec

from tmaxd.plan.draft import split
from tmaxd.ports import Clock, EventRow
from tmaxd.tasks.records import EventNoted, EventsForgotten, Record

KEPT = 10_000
"""Events on disk. A fleet of 128 workers makes about 600 while it starts."""

KEPT_FOR = 30 * 86_400.0
"""Seconds that an event is kept at most."""

CLEAN_EVERY = 500
"""Events between two times that the old ones are removed."""

FOLD_FOR = 600.0
"""Seconds after which a repeat is an event of its own."""

KINDS = 2048
"""Kinds of events that are remembered for folding: the workers of a large fleet, each with a few."""

LONGEST = 4000
"""Characters of one field; what is longer is cut."""

NOT_FOLDED = frozenset({"spec_applied", "spec_rejected", "approved", "rolled_back"})
"""Each of them is a moment of the fleet's history."""

NO_EVENTS = frozenset({"library_log", "journal_lost"})
"""Lines about the program itself, or that could not be written anyway."""


class _Last(msgspec.Struct):
    seq: int
    first: float
    count: int
    at: float


class Events:
    """One a daemon, in the event loop's thread. `write` puts records on disk; nobody waits for it."""

    def __init__(
        self, first: int, clock: Clock, write: Callable[[Sequence[Record]], object]
    ) -> None:
        """`first`: the lowest number never used."""
        self._next = first
        self._clock = clock
        self._write = write
        self._last: OrderedDict[tuple[str, ...], _Last] = OrderedDict()
        self._waiting: list[Record] = []
        self._planned = False
        """They will be handed to the disk at the end of this turn of the loop."""
        self._noted = asyncio.Event()
        self._cleaned = first
        self.listeners: list[Callable[[EventRow], None]] = []
        """Told of each event at once, before it is on disk."""

    @property
    def last(self) -> int:
        """The number of the last event; 0 when there never was one."""
        return self._next - 1

    def take(self, level: str, name: str, fields: dict[str, object]) -> None:
        """A line of the log. To be called in the loop's thread, in the loop or before it runs."""
        if name in NO_EVENTS:
            return
        rest = {key: _short(value) for key, value in fields.items()}
        worker, reason = str(rest.pop("worker", "")), str(rest.pop("reason", ""))
        group = str(rest.pop("group", "")) or (split(worker)[0] if worker else "")
        text = json.dumps(rest, ensure_ascii=False, default=str)
        now = self._clock.wall()
        kind = (name, worker, group, reason, _same(rest) if not worker else "")
        before = self._repeated(kind, now)
        noted = EventNoted(
            seq=self._next,
            at=now,
            first=before.first if before else now,
            count=before.count + 1 if before else 1,
            level=level,
            name=name,
            worker=worker,
            group=group,
            reason=reason,
            fields=text,
            replaces=before.seq if before else None,
        )
        self._remember(kind, noted)
        self._next += 1
        self._put(noted)
        for tell in self.listeners:
            tell(_row(noted))

    async def later_than(self, seq: int) -> None:
        """Returns once there is an event with a higher number."""
        while self.last <= seq:
            await self._noted.wait()

    def flush(self) -> None:
        """Hand what was collected to the disk."""
        self._planned = False
        if not self._waiting:
            return
        records, self._waiting = self._waiting, []
        self._write(records)

    def _repeated(self, kind: tuple[str, ...], now: float) -> _Last | None:
        last = self._last.get(kind)
        if last is None or not 0 <= now - last.first < FOLD_FOR or kind[0] in NOT_FOLDED:
            return None
        return last

    def _remember(self, kind: tuple[str, ...], noted: EventNoted) -> None:
        self._last[kind] = _Last(noted.seq, noted.first, noted.count, noted.at)
        self._last.move_to_end(kind)
        if len(self._last) > KINDS:
            self._last.popitem(last=False)

    def _put(self, noted: EventNoted) -> None:
        if not self._planned:
            with suppress(RuntimeError):  # before the loop runs: with the first one in it
                asyncio.get_running_loop().call_soon(self.flush)
                self._planned = True
        self._waiting.append(noted)
        if noted.seq - self._cleaned >= CLEAN_EVERY:
            self._cleaned = noted.seq
            self._waiting.append(EventsForgotten(noted.seq - KEPT, noted.at - KEPT_FOR))
        self._noted.set()
        self._noted = asyncio.Event()


def _same(fields: dict[str, object]) -> str:
    """What two events of no worker have in common where one repeats the other: not what is counted or told in it."""
    return str(
        {
            key: value
            for key, value in fields.items()
            if key not in ("seq", "text", "count", "bytes")
        }
    )


def _short(value: object) -> object:
    if isinstance(value, str) and len(value) > LONGEST:
        return value[:LONGEST] + "…"
    return value


def _row(e: EventNoted) -> EventRow:
    return EventRow(
        e.seq, e.at, e.first, e.count, e.level, e.name, e.worker, e.group, e.reason, e.fields
    )
