"""What a journal has made durable, in memory: the strict twin of `state.db`.

A record that contradicts what is durable, or breaks a promise that `records` makes of it, is an AssertionError at once,
so that every test which uses it checks the order and the sense of all that the dispatcher writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tmaxd.tasks.records import (
    UNCOUNTED,
    Assigned,
    AttemptRow,
    Closed,
    Delivered,
    Done,
    DoneTask,
    EventNoted,
    EventsForgotten,
    Kept,
    Record,
    Released,
    Requeued,
    RevisionApplied,
    Revived,
    RunEnded,
    RunReady,
    RunStarted,
    RunTaken,
    Submitted,
    TaskRow,
)
from tmaxd.testing.durable import Durable, Entry, Held


class Disk(Durable):
    """What is durable, and the records that change it."""

    def __init__(self) -> None:
        super().__init__()
        self._stale: dict[int, Held] = {}
        """Tasks given back uncounted, and the lease that the same batch must end: it would hold for them again."""

    def write(self, records: Iterable[Record]) -> None:
        """One batch. What only several records together may do has been done at its end."""
        for record in records:
            self.apply(record)
        assert not self._stale, f"given back uncounted, and their leases live on: {self._stale}"

    def apply(self, record: Record) -> None:
        if isinstance(record, RunStarted | RunReady | RunTaken | RunEnded | RevisionApplied):
            self.runs.apply(record)
        elif isinstance(record, EventNoted | EventsForgotten | Kept):
            self.notes.apply(record)
        else:
            _TAKERS[type(record)](self, record)

    # --------------------------------------------------------------------------- task records

    def submitted(self, r: Submitted) -> None:
        assert r.first_id >= self.next_id, f"task id {r.first_id} comes after {self.next_id - 1}"
        assert r.payloads, r
        o = r.options
        if o.key is not None:
            assert len(r.payloads) == 1, f"one key for many tasks: {r}"
            assert (r.group, o.key) not in self.keys, f"the key is taken: {r}"
            self.keys[r.group, o.key] = r.first_id
        self.next_id = r.first_id + len(r.payloads)
        for task, payload in enumerate(r.payloads, r.first_id):
            row = TaskRow(
                id=task,
                group=r.group,
                state="queued" if o.due is None else "delayed",
                attempt=0,
                submitted=r.at,
                payload=payload[:200],
                due=o.due,
                priority=o.priority,
                key=o.key,
                affinity=o.affinity,
                expires=o.expires,
                source=o.source,
                hops=o.hops,
            )
            self.entries[task] = Entry(row, payload)

    def assigned(self, r: Assigned) -> None:
        assert r.send >= self.next_send(), f"send {r.send} was there before"
        assert len(r.ids) == len(r.attempts) > 0, r
        self.sends[r.send] = r
        for task, attempt in zip(r.ids, r.attempts, strict=True):
            entry = self.entries[task]
            assert entry.waits, (task, r, entry.row)
            assert entry.row.group == r.group, (task, r, entry.row)
            assert entry.row.attempt == attempt - 1, (task, r, entry.row)
            # A lease of a shared FIFO is written anew before the old one is forgotten.
            anew = entry.lease is not None and (entry.lease.run, r.run) == ("", "")
            assert anew or entry.lease is None, f"task {task} is still leased: {entry.lease}, {r}"
            entry.lease = Held(r.send, r.group, r.worker, r.run, attempt, r.at, r.timeout)

    def delivered(self, r: Delivered) -> None:
        for send in r.sends:
            self._forget(self.sends[send], r)

    def released(self, r: Released) -> None:
        assert r.run, r
        for lease in [lease for lease in self.sends.values() if lease.run == r.run]:
            self._forget(lease, r)

    def _forget(self, lease: Assigned, why: Delivered | Released) -> None:
        for task in lease.ids:
            entry = self.entries.get(task)  # perhaps it is over, and forgotten
            held = None if entry is None else entry.lease
            assert held is None or held.send != lease.send, f"task {task} is open: {why}"
            stale = self._stale.get(task)
            if stale is not None and stale.send == lease.send:
                assert isinstance(why, Released) == bool(lease.run), (task, lease, why)
                del self._stale[task]
        del self.sends[lease.send]

    def done(self, r: Done) -> None:
        delayed = 0
        for done in r.tasks:
            delayed += self.entries[done[0]].row.state == "delayed"
            self._done(r, done)
        assert delayed == r.delayed, f"{delayed} were delayed: {r}"

    def _done(self, r: Done, done: DoneTask) -> None:
        task, attempt, sent, started, result, file = done
        entry, _ = self._leased(task, r, attempt)
        entry.lease = None
        entry.become(
            state="done", attempt=attempt, worker=r.worker, run=r.run, sent=sent, started=started,
            ended=r.at, outcome="done", error=None, due=None,
        )  # fmt: skip
        entry.result, entry.result_file = result, file

    def _leased(self, task: int, why: Done | Requeued | Closed, attempt: int) -> tuple[Entry, Held]:
        """The task and its lease, which is of this run, or of nobody in particular: of a shared FIFO."""
        entry = self.entries[task]
        held = entry.lease
        assert entry.waits, (task, why, entry.row)
        assert entry.row.group == why.group, (task, why, entry.row)
        assert held is not None, f"task {task} is not leased: {why}"
        assert held.attempt == attempt, (task, why, held)
        assert (held.run, held.worker) in ((why.run, why.worker), ("", "")), (task, why, held)
        return entry, held

    def requeued(self, r: Requeued) -> None:
        entry, held = self._leased(r.id, r, r.attempt)
        assert entry.row.state == r.was, (r, entry.row)
        uncounted = r.outcome in UNCOUNTED
        entry.lease = None
        entry.base += r.outcome == "returned"
        if uncounted:
            self._stale[r.id] = held
        entry.become(
            state="queued" if r.due is None else "delayed", due=r.due, attempt=r.attempt - uncounted,
            worker=r.worker, run=r.run, sent=r.sent, started=None, ended=None, outcome=r.outcome,
            error=r.error or None,
        )  # fmt: skip
        ended = AttemptRow(
            attempt=r.attempt, worker=r.worker, run=r.run, outcome=r.outcome, error=r.error, sent=r.sent,
            started=r.started, ended=r.at,
        )  # fmt: skip
        entry.attempts += (ended,)

    def closed(self, r: Closed) -> None:
        entry = self.entries[r.id]
        row = entry.row
        assert (row.group, row.state) == (r.group, r.was), (r, row)
        shared = entry.lease is not None and not entry.lease.run
        if r.run is None and (entry.lease is None or shared):
            assert (r.worker, r.sent, r.started) == (None, None, None), r
            assert r.attempt == row.attempt, (r, row)
        else:
            self._leased(r.id, r, r.attempt)
            assert r.sent is not None, r
        entry.lease = None
        entry.become(
            state=r.state, attempt=r.attempt, worker=r.worker, run=r.run,
            sent=r.sent, started=r.started, ended=r.at, outcome=r.outcome, error=r.error, due=None,
        )  # fmt: skip

    def revived(self, r: Revived) -> None:
        entry = self.entries[r.id]
        row = entry.row
        assert (row.group, row.state) == (r.group, r.was), (r, row)
        if row.sent is not None:
            last = AttemptRow(
                attempt=row.attempt, worker=row.worker or "", run=row.run or "",
                outcome=row.outcome or "failed", error=row.error or "", sent=row.sent,
                started=row.started, ended=row.ended or 0.0,
            )  # fmt: skip
            entry.attempts += (last,)
        entry.base = row.attempt
        entry.become(state="delayed", due=r.at, started=None, ended=None, expires=None)


_TAKERS: dict[type[Record], Callable[[Disk, Any], None]] = {
    Submitted: Disk.submitted,
    Assigned: Disk.assigned,
    Delivered: Disk.delivered,
    Released: Disk.released,
    Done: Disk.done,
    Requeued: Disk.requeued,
    Closed: Disk.closed,
    Revived: Disk.revived,
}
