"""What a fake journal answers: the reading half of the strict twin, over tasks in plain dictionaries."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from tmaxd.ports import Recovered, Revision
from tmaxd.tasks.records import (
    HELD_PAYLOAD,
    PAGE_CHARS,
    Assigned,
    AttemptRow,
    Found,
    Lease,
    Page,
    Queued,
    State,
    TaskFilter,
    TaskRow,
)
from tmaxd.testing.durable_notes import DurableNotes
from tmaxd.testing.durable_runs import DurableRuns

WAITING: tuple[State, State] = ("queued", "delayed")


class Held(msgspec.Struct, frozen=True):
    """A lease of one task."""

    send: int
    group: str
    worker: str
    run: str
    attempt: int
    at: float
    timeout: float | None


class Entry(msgspec.Struct):
    """One task as the disk has it."""

    row: TaskRow
    """Without its lease."""
    payload: str
    result: str | None = None
    result_file: str | None = None
    attempts: tuple[AttemptRow, ...] = ()
    lease: Held | None = None
    base: int = 0

    def become(self, **changes: object) -> None:
        self.row = msgspec.structs.replace(self.row, **changes)

    @property
    def waits(self) -> bool:
        return self.row.state in WAITING

    def shown(self) -> TaskRow:
        """The row as people see it: with its lease."""
        held = self.lease
        if held is None:
            return self.row
        return msgspec.structs.replace(
            self.row, state="sent", attempt=held.attempt, worker=held.worker or None,
            run=held.run or None, sent=held.at, due=None,
        )  # fmt: skip


class Durable:
    """What is on disk, and what can be asked of it."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.sends: dict[int, Assigned] = {}
        self.keys: dict[tuple[str, str], int] = {}
        self.runs = DurableRuns()
        self.notes = DurableNotes()
        self.next_id = 1

    @property
    def revisions(self) -> dict[int, Revision]:
        return self.runs.revisions

    def of(self, group: str, *states: State) -> list[Entry]:
        """The group's tasks in these states by their rows, by id."""
        found = [e for e in self.entries.values() if e.row.group == group and e.row.state in states]
        return sorted(found, key=lambda e: e.row.id)

    def page(self, group: str, priority: int, after: int, limit: int) -> Page:
        waiting = self.of(group, "queued")
        return Page(
            *_cut([e for e in waiting if e.row.priority == priority and e.row.id > after], limit)
        )

    def due(self, group: str, now: float, limit: int) -> Page:
        return _timed(self.of(group, "delayed"), lambda row: row.due, now, limit)

    def expired(self, group: str, now: float, limit: int) -> Page:
        return _timed(self.of(group, *WAITING), lambda row: row.expires, now, limit)

    def find(self, ids: Sequence[int]) -> tuple[Found, ...]:
        rows = [self.entries[task].shown() for task in sorted(set(ids)) if task in self.entries]
        return tuple(
            Found(
                r.id, r.group, r.state, r.attempt, r.submitted,
                r.outcome if r.state in ("dead", "cancelled") else None,
            )
            for r in rows
        )  # fmt: skip

    def find_key(self, group: str, key: str) -> tuple[int, str, State] | None:
        task = self.keys.get((group, key))
        if task is None:
            return None
        entry = self.entries[task]
        return task, entry.payload, entry.shown().state

    def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        states = {"sent" if state == "running" else state for state in filters.states}
        rows = [e.shown() for _, e in sorted(self.entries.items(), reverse=True)]
        found = [
            row
            for row in rows
            if filters.group in (None, row.group)
            and (not states or row.state in states)
            and (not filters.ids or row.id in filters.ids)
            and filters.worker in (None, row.worker)
            and filters.key in (None, row.key)
            and filters.source in (None, row.source)
            and (filters.before is None or row.id < filters.before)
        ]
        return tuple(found[: max(0, filters.limit)])

    def recover(self) -> Recovered:
        tally: Counter[tuple[str, State]] = Counter()
        lanes: dict[str, set[int]] = {}
        dues: dict[str, list[float]] = {}
        expiries: dict[str, list[float]] = {}
        for entry in self.entries.values():
            row = entry.row
            tally[row.group, row.state] += 1
            if row.state == "queued":
                lanes.setdefault(row.group, set()).add(row.priority)
            if row.due is not None:
                dues.setdefault(row.group, []).append(row.due)
            if entry.waits and row.expires is not None:
                expiries.setdefault(row.group, []).append(row.expires)
        counts: dict[str, dict[State, int]] = {}
        for (group, state), n in tally.items():
            counts.setdefault(group, {})[state] = n
        leases = tuple(_leases(self.entries))
        return Recovered(
            next_id=self.next_id,
            runs=tuple(self.runs.open.values()),
            leases=leases,
            counts=counts,
            lanes={group: tuple(sorted(found)) for group, found in lanes.items()},
            next_due={group: min(times) for group, times in dues.items()},
            next_expiry={group: min(times) for group, times in expiries.items()},
            next_send=self.next_send(),
            revision=self.runs.revision(),
            next_event=self.notes.next_event,
            kept=dict(self.notes.kept),
            over=self.runs.ended_since(leases),
        )

    def next_send(self) -> int:
        return max(self.sends, default=0) + 1


def _timed(
    entries: list[Entry], when: Callable[[TaskRow], float | None], now: float, limit: int
) -> Page:
    """Those whose time has come, earliest first, and when the time of the next one comes."""
    timed = sorted((at, e.row.id) for e in entries if (at := when(e.row)) is not None)
    by_id = {e.row.id: e for e in entries}
    come = [by_id[task] for at, task in timed if at <= now]
    return Page(*_cut(come, limit), timed[len(come)][0] if len(come) < len(timed) else None)


def _cut(entries: list[Entry], limit: int) -> tuple[tuple[Queued, ...], bool]:
    tasks: list[Queued] = []
    chars = 0
    for e in entries:
        if len(tasks) == limit or chars >= PAGE_CHARS:
            return tuple(tasks), True
        row = e.row
        tasks.append(
            Queued(row.id, e.payload, row.attempt, row.submitted, row.priority, row.expires, row.affinity,
                   row.hops, e.base)
        )  # fmt: skip
        chars += len(e.payload)
    return tuple(tasks), False


def _leases(entries: dict[int, Entry]) -> Iterable[Lease]:
    for task, entry in sorted(entries.items()):
        row, held = entry.row, entry.lease
        if held is not None:
            yield Lease(
                id=task,
                group=row.group,
                attempt=held.attempt,
                worker=held.worker,
                run=held.run,
                payload=None if len(entry.payload) > HELD_PAYLOAD else entry.payload,
                at=row.submitted,
                sent=held.at,
                send=held.send,
                timeout=held.timeout,
                was="delayed" if row.state == "delayed" else "queued",
                priority=row.priority,
                expires=row.expires,
                affinity=row.affinity,
                hops=row.hops,
                base=entry.base,
            )
