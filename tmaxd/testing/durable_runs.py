"""The runs and the revision that a fake journal has made durable."""

from __future__ import annotations

import msgspec

from tmaxd.ports import Proc, Revision, RunRecord, ServerId
from tmaxd.tasks.records import RevisionApplied, RunEnded, RunReady, RunStarted


class DurableRuns:
    """`open`: the runs whose end is not recorded, oldest first."""

    def __init__(self) -> None:
        self.open: dict[str, RunRecord] = {}
        self.revisions: dict[int, Revision] = {}

    def apply(self, record: RunStarted | RunReady | RunEnded | RevisionApplied) -> None:
        if isinstance(record, RevisionApplied):
            self.revisions[record.number] = Revision(
                number=record.number, digest=record.digest, applied=record.at, text=record.text
            )
        elif isinstance(record, RunStarted):
            self._started(record)
        elif record.run not in self.open:
            return
        elif isinstance(record, RunEnded):
            del self.open[record.run]
        else:
            self.open[record.run] = msgspec.structs.replace(
                self.open[record.run],
                ready=True,
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
        )

    def revision(self) -> Revision | None:
        """The last one."""
        return self.revisions[max(self.revisions)] if self.revisions else None
