"""From the journal to the first pass: what an earlier daemon left is taken up, and nothing of it is judged yet.

Runs that may live become runs that are not adopted; runs that certainly ended, or that a later run of the
same worker has replaced, are swept before their tasks go to others.
"""

from __future__ import annotations

from tmaxd.daemon.runs import EndedRun, LiveRun, Runs, from_record
from tmaxd.plan.draft import split
from tmaxd.plan.history import History, Sweep
from tmaxd.plan.reasons import EXCUSES_TASKS, Reason
from tmaxd.ports import Clock, Processes, Recovered, RunRecord
from tmaxd.tasks.events import Death
from tmaxd.tasks.records import RunEnded


def take_up(recovered: Recovered, processes: Processes, clock: Clock) -> tuple[Runs, History]:
    """The registry and the planner's memory to begin with."""
    runs = Runs()
    sweeps: dict[str, Sweep] = {}
    for record in sorted(recovered.runs, key=lambda r: r.started):
        older = runs.live.get(record.worker)
        if older is not None:
            # Of another server it cannot have died by itself: its tasks are not to pay for that.
            gone = older.server != record.server
            why: Reason = "server_died" if gone else "ended_while_down"
            over = RunEnded(older.run, None, None, why, clock.wall())
            _sweep(older.run, older.worker, runs, sweeps, clock.now(), over, why)
        runs.live[record.worker] = _restored(record, processes, clock)
    living = {run.run for run in runs.live.values()}
    for lease in recovered.leases:
        if lease.run and lease.run not in living and lease.run not in sweeps:
            _sweep(lease.run, lease.worker, runs, sweeps, clock.now())
    return runs, History(sweeps=sweeps)


def deaths(recovered: Recovered) -> tuple[Death, ...]:
    """Of the runs that may have taken with them what an earlier daemon wrote to a FIFO that a group shares."""
    return tuple(
        Death(over.worker, split(over.worker)[0], over.run, over.at, over.reason in EXCUSES_TASKS)
        for over in recovered.over
    )


def _restored(record: RunRecord, processes: Processes, clock: Clock) -> LiveRun:
    same_boot = record.boot_id == processes.boot_id()
    alive = same_boot and processes.identify(record.proc.pid) == record.proc
    return from_record(record, clock.now(), clock.wall(), alive=alive, rebooted=not same_boot)


def _sweep(
    run: str,
    worker: str,
    runs: Runs,
    sweeps: dict[str, Sweep],
    now: float,
    over: RunEnded | None = None,
    reason: Reason = "ended_while_down",
) -> None:
    """`over`: its end is not recorded yet."""
    runs.ended[run] = EndedRun(run, worker, None, reason=reason, record=over)
    sweeps[run] = Sweep(worker=worker, since=now)
