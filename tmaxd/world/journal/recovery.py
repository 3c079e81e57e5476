"""What the journal held when it was opened: everything but the queue."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator

from tmaxd.ports import Proc, Recovered, RunOver, RunRecord, ServerId
from tmaxd.tasks.records import HELD_PAYLOAD, Lease, State
from tmaxd.world.journal import notes
from tmaxd.world.journal.look import Look
from tmaxd.world.journal.schema import DELAYED, STATE_NAMES
from tmaxd.world.journal.waiting import lanes, next_due, next_expiry

_EVER = float("-inf")


def recover(db: sqlite3.Connection) -> Recovered:
    """Costs as much as there are groups, lanes, open runs and tasks in flight."""
    counts: dict[str, dict[State, int]] = {}
    for group, state, n in db.execute("SELECT grp, state, n FROM counters WHERE n <> 0"):
        counts.setdefault(group, {})[STATE_NAMES[state]] = n
    look = Look(db)
    dues = {group: next_due(db, group, _EVER) for group in counts}
    expiries = {group: next_expiry(look, group, _EVER) for group in counts}
    sends = db.execute("SELECT max(send) FROM sends").fetchone()[0]
    leases = tuple(_leases(look))
    return Recovered(
        next_id=db.execute("SELECT value FROM meta WHERE key = 'next_id'").fetchone()[0],
        runs=tuple(_open_runs(db)),
        leases=leases,
        counts=counts,
        lanes={group: found for group in counts if (found := tuple(lanes(db, group)))},
        next_due={group: due for group, due in dues.items() if due is not None},
        next_expiry={group: end for group, end in expiries.items() if end is not None},
        next_send=(sends or 0) + 1,
        revision=notes.revision(db),
        next_event=notes.next_event(db),
        kept=notes.kept(db),
        over=tuple(_runs_over(db, leases)),
    )


def _runs_over(db: sqlite3.Connection, leases: Iterable[Lease]) -> Iterator[RunOver]:
    """Reads all runs that are kept, so only where somebody asks."""
    since = min((lease.sent for lease in leases if not lease.run), default=None)
    if since is None:
        return
    rows = db.execute(
        "SELECT run, worker, ended, reason FROM runs WHERE ended >= ? ORDER BY ended, number",
        (since,),
    )
    for run, worker, ended, reason in rows:
        yield RunOver(run, worker, ended, reason)


def _leases(look: Look) -> Iterator[Lease]:
    """By id, with which blocks are read once."""
    for number in sorted(look.leases()):
        task = look.task(number)
        leased = look.lease(task) if task else None
        if task is None or leased is None:
            continue
        block = task.block
        payload = look.texts(block)[number - block.first]
        yield Lease(
            id=number,
            group=leased.group,
            attempt=leased.attempt,
            worker=leased.worker,
            run=leased.run,
            payload=None if len(payload) > HELD_PAYLOAD else payload,
            at=block.at,
            sent=leased.at,
            send=leased.send,
            timeout=leased.timeout,
            was="delayed" if task.state == DELAYED else "queued",
            priority=block.priority,
            expires=task.expires,
            affinity=block.affinity,
            hops=block.hops,
            base=task.single.base if task.single else 0,
        )


def _open_runs(db: sqlite3.Connection) -> Iterator[RunRecord]:
    rows = db.execute(
        "SELECT run, worker, pid, start, boot_id, server_pid, server_started, at, revision, log_file,"
        " log_size, said, ready, window, form, batch, beats FROM runs WHERE ended IS NULL ORDER BY number"
    )
    for (
        run,
        worker,
        pid,
        start,
        boot,
        s_pid,
        s_at,
        at,
        revision,
        log_file,
        log_size,
        said,
        ready,
        window,
        form,
        batch,
        beats,
    ) in rows:
        yield RunRecord(
            run=run,
            worker=worker,
            proc=Proc(pid, start),
            boot_id=boot,
            server=ServerId(s_pid, s_at),
            started=at,
            revision=revision,
            log_file=log_file,
            log_size=log_size,
            said=bool(said),
            ready=bool(ready),
            window=window,
            form=form,
            batch=bool(batch),
            beats=bool(beats),
        )
