"""What a journal has made durable, in memory: the strict twin of `state.db`.

A record that contradicts the state of its task is an AssertionError at once, so that every test which uses
it checks the order and the sense of all that the dispatcher writes.
"""

from __future__ import annotations

from collections import Counter

import msgspec

from tmaxd.ports import Proc, Recovered, Revision, RunRecord, ServerId
from tmaxd.tasks.records import (
    HELD_PAYLOAD,
    PAGE_CHARS,
    UNCOUNTED,
    Assigned,
    AttemptRow,
    Finished,
    Lease,
    Page,
    Queued,
    Record,
    Requeued,
    RevisionApplied,
    RunEnded,
    RunReady,
    RunStarted,
    State,
    Submitted,
    TaskRow,
)


class Entry(msgspec.Struct):
    """One task as the disk has it."""

    row: TaskRow
    payload: str
    result: str | None = None
    result_file: str | None = None
    attempts: tuple[AttemptRow, ...] = ()

    def become(self, **changes: object) -> None:
        self.row = msgspec.structs.replace(self.row, **changes)


class Disk:
    """What is durable."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.runs: dict[str, RunRecord] = {}
        self.revisions: dict[int, Revision] = {}
        self.next_id = 1

    def apply(self, record: Record) -> None:
        match record:
            case Submitted():
                self._submitted(record)
            case Assigned():
                self._assigned(record)
            case Requeued():
                self._requeued(record)
            case Finished():
                self._finished(record)
            case RevisionApplied(number, digest, text, at):
                self.revisions[number] = Revision(
                    number=number, digest=digest, applied=at, text=text
                )
            case _:
                self._run(record)

    def _submitted(self, r: Submitted) -> None:
        assert r.id >= self.next_id, f"task id {r.id} comes after {self.next_id - 1}"
        self.next_id = r.id + 1
        row = TaskRow(
            id=r.id,
            group=r.group,
            state="queued",
            attempt=0,
            submitted=r.at,
            payload=r.payload[:200],
        )
        self.entries[r.id] = Entry(row, r.payload)

    def _assigned(self, r: Assigned) -> None:
        entry = self.entries[r.id]
        assert entry.row.state == ("delayed" if r.delayed else "queued"), (r, entry.row)
        assert r.attempt == entry.row.attempt + 1, (r, entry.row)
        assert r.group == entry.row.group, (r, entry.row)
        entry.become(
            state="sent", attempt=r.attempt, worker=r.worker, run=r.run, sent=r.at, due=None
        )

    def _held(self, r: Requeued | Finished) -> Entry:
        entry = self.entries[r.id]
        row = entry.row
        assert (row.state, row.attempt, row.run) == ("sent", r.attempt, r.run), (r, row)
        return entry

    def _requeued(self, r: Requeued) -> None:
        entry = self._held(r)
        unsent = r.outcome in UNCOUNTED
        entry.become(
            state="queued" if r.due is None else "delayed",
            due=r.due,
            attempt=r.attempt - unsent,
            error=r.error or None,
        )
        if not unsent:
            ended = AttemptRow(
                attempt=r.attempt,
                worker=r.worker,
                run=r.run,
                outcome=r.outcome,
                error=r.error,
                started=r.started,
                ended=r.at,
            )
            entry.attempts += (ended,)

    def _finished(self, r: Finished) -> None:
        entry = self._held(r)
        entry.become(state=r.state, started=r.started, ended=r.at, error=r.error)
        entry.result, entry.result_file = r.result, r.result_file

    def _run(self, record: RunStarted | RunReady | RunEnded) -> None:
        if isinstance(record, RunStarted):
            r = record
            self.runs[r.run] = RunRecord(
                run=r.run,
                worker=r.worker,
                proc=Proc(r.pid, r.start),
                boot_id=r.boot_id,
                server=ServerId(r.server_pid, r.server_started),
                started=r.at,
                revision=r.revision,
            )
        elif record.run not in self.runs:
            return
        elif isinstance(record, RunEnded):
            del self.runs[record.run]
        else:
            self.runs[record.run] = msgspec.structs.replace(
                self.runs[record.run], ready=True, window=record.window, form=record.form
            )

    # ------------------------------------------------------------------------------- reading

    def of(self, group: str, state: State) -> list[Entry]:
        found = [e for e in self.entries.values() if (e.row.group, e.row.state) == (group, state)]
        return sorted(found, key=lambda e: e.row.id)

    def page(self, group: str, after: int, limit: int) -> Page:
        return Page(*_cut([e for e in self.of(group, "queued") if e.row.id > after], limit))

    def due(self, group: str, now: float, limit: int) -> Page:
        waiting = sorted(self.of(group, "delayed"), key=lambda e: (e.row.due or 0, e.row.id))
        come = [e for e in waiting if (e.row.due or 0) <= now]
        later = waiting[len(come)].row.due if len(come) < len(waiting) else None
        return Page(*_cut(come, limit), next_due=later)

    def recover(self) -> Recovered:
        tally: Counter[tuple[str, State]] = Counter()
        next_due: dict[str, float] = {}
        leases = []
        for _, entry in sorted(self.entries.items()):
            row = entry.row
            tally[row.group, row.state] += 1
            if row.due is not None:
                next_due[row.group] = min(row.due, next_due.get(row.group, row.due))
            if row.state == "sent":
                leases.append(_lease(entry))
        counts: dict[str, dict[State, int]] = {}
        for (group, state), n in tally.items():
            counts.setdefault(group, {})[state] = n
        return Recovered(
            next_id=self.next_id,
            runs=tuple(self.runs.values()),
            leases=tuple(leases),
            counts=counts,
            next_due=next_due,
            revision=self.revisions[max(self.revisions)] if self.revisions else None,
        )


def _cut(entries: list[Entry], limit: int) -> tuple[tuple[Queued, ...], bool]:
    tasks: list[Queued] = []
    chars = 0
    for e in entries:
        if len(tasks) == limit or chars >= PAGE_CHARS:
            return tuple(tasks), True
        tasks.append(Queued(e.row.id, e.payload, e.row.attempt, e.row.submitted))
        chars += len(e.payload)
    return tuple(tasks), False


def _lease(entry: Entry) -> Lease:
    row = entry.row
    return Lease(
        id=row.id,
        group=row.group,
        attempt=row.attempt,
        worker=row.worker or "",
        run=row.run or "",
        payload=None if len(entry.payload) > HELD_PAYLOAD else entry.payload,
        at=row.submitted,
        sent=row.sent or 0.0,
    )
