"""The runs and the revision that a fake journal has made durable."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from tmaxd.ports import Proc, Revision, RevisionRow, RunOver, RunRecord, ServerId
from tmaxd.tasks.records import (
    Lease,
    RevisionApplied,
    RunEnded,
    RunStarted,
    RunTaken,
)
from tmaxd.tasks.records.written import RunRecords


class DurableRuns:
    """`open`: the runs whose end is not recorded, oldest first; `over`: the others."""

    def __init__(self) -> None:
        self.open: dict[str, RunRecord] = {}
        self.over: list[RunOver] = []
        self.revisions: dict[int, Revision] = {}

    def apply(self, record: RunRecords | RevisionApplied) -> None:
        if isinstance(record, RevisionApplied):
            self.revisions[record.number] = Revision(
                number=record.number,
                digest=record.digest,
                applied=record.at,
                text=record.text,
                cause=record.cause,
            )
        elif isinstance(record, RunStarted):
            self._started(record)
        elif record.run not in self.open:
            return
        elif isinstance(record, RunEnded):
            worker = self.open.pop(record.run).worker
            self.over.append(RunOver(record.run, worker, record.at, record.reason))
        elif isinstance(record, RunTaken):
            self.open[record.run] = msgspec.structs.replace(
                self.open[record.run],
                worker=record.worker,
                started=record.at,
                log_file=record.log_file,
                log_size=record.log_size,
            )
        else:
            self.open[record.run] = msgspec.structs.replace(
                self.open[record.run],
                said=record.said or self.open[record.run].said,
                ready=record.ready or self.open[record.run].ready,
                window=record.window,
                form=record.form,
                batch=record.batch,
                beats=record.beats or self.open[record.run].beats,
            )

    def _started(self, r: RunStarted) -> None:
        assert r.run not in self.open, f"the run has begun already: {r}"
        self.open[r.run] = RunRecord(
            run=r.run,
            worker=r.worker,
            proc=Proc(r.pid, r.start),
            boot_id=r.boot_id,
            server=ServerId(r.server_pid, r.server_started),
            started=r.at,
            revision=r.revision,
            log_file=r.log_file,
            log_size=r.log_size,
        )

    def ended_since(self, leases: Iterable[Lease]) -> tuple[RunOver, ...]:
        """Since the first of those that name no run."""
        since = min((lease.sent for lease in leases if not lease.run), default=None)
        found = [] if since is None else [run for run in self.over if run.at >= since]
        return tuple(sorted(found, key=lambda run: run.at))

    def revision(self) -> Revision | None:
        """The last one."""
        return self.revisions[max(self.revisions)] if self.revisions else None

    def last_revisions(self, limit: int) -> tuple[RevisionRow, ...]:
        """Newest first."""
        found = sorted(self.revisions.values(), key=lambda r: -r.number)[:limit]
        return tuple(RevisionRow(r.number, r.digest, r.applied, r.cause) for r in found)
