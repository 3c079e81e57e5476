"""A new sample of memory while it is being judged: what was counted so far, and who is marked for it."""

from __future__ import annotations

import msgspec

from tmaxd.plan.actions import MemoryNote, MemoryWord
from tmaxd.plan.draft import Draft
from tmaxd.plan.observed import Run, Usage
from tmaxd.plan.reasons import Reason
from tmaxd.plan.tallies import Mark, Memory, Scope, Tally, Victim


class Sample(msgspec.Struct):
    d: Draft
    usage: Usage
    before: Memory
    tallies: dict[str, Tally] = {}
    marks: dict[str, Mark] = {}
    victims: dict[str, Victim] = {}
    sizes: dict[str, int] = {}
    held: int | None = None

    def mark(self, worker: str, reason: Reason, scope: Scope, used: int, limit: int | None) -> None:
        """It is to go; told once. One that is to be killed is not to be recycled any more."""
        run, mark = self.tallies[worker].run, self.marks.get(worker)
        if mark is not None and mark.run == run and reason in (mark.reason, "memory_forecast"):
            return
        if mark is not None and mark.reason == "memory_kill":
            return
        self.marks[worker] = Mark(run, reason, scope)
        word: MemoryWord = "memory_kill" if reason == "memory_kill" else "memory_recycle"
        self.d.actions.append(
            MemoryNote(
                worker=worker, reason=reason, what=word, scope=scope, bytes=used, limit=limit
            )
        )

    def unmark(self, worker: str, reason: Reason, scope: Scope) -> None:
        """The limit is kept again."""
        mark = self.marks.get(worker)
        if mark is not None and (mark.reason, mark.scope) == (reason, scope):
            del self.marks[worker]

    def may_go(self, worker: str) -> Run | None:
        """Its run, if it lives, works, and is not on its way out already."""
        run, seen = self.d.observed.runs.get(worker), self.d.observed.seen.get(worker)
        if run is None or seen is None or seen.run != run.run or not (run.alive and seen.alive):
            return None
        leaves = self.d.slot(worker).stopping is not None or self.d.intent(worker).stopped
        return run if run.adopted and run.ready and not leaves else None

    def is_guarded(self, worker: str) -> bool:
        """Somebody looks at it, or has pinned it."""
        seen = self.d.observed.seen.get(worker)
        return self.d.intent(worker).pinned or (seen is not None and seen.attached > 0)


_REASONS: dict[MemoryWord, Reason] = {
    "memory_warning": "memory_warn",
    "memory_limit_too_low": "memory_limit",
    "memory_hold": "memory_hold",
    "memory_hold_over": "settled",
}


def noted(
    s: Sample, what: MemoryWord, scope: Scope, worker: str, used: int, limit: int | None
) -> None:
    """Have it told."""
    s.d.actions.append(
        MemoryNote(
            worker=worker,
            reason=_REASONS[what],
            what=what,
            scope=scope,
            bytes=used,
            limit=limit,
        )
    )
