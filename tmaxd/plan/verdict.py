"""What a group's workers have shown of a new fingerprint: all of them are healthy, and it is approved; or runs of it
failed before they ever counted, and the group goes back to the one that was approved before."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import msgspec

from tmaxd.plan.actions import Approve, RollBack
from tmaxd.plan.draft import NEVER, Draft
from tmaxd.plan.history import LastExit, Roll
from tmaxd.plan.observed import Run
from tmaxd.plan.proof import good_at
from tmaxd.plan.reasons import FOR_MEMORY, SPENDS_BUDGET, Reason
from tmaxd.plan.wanted import WantedGroup

ENOUGH = 2
"""Ends by its own fault, in the whole group, that condemn a fingerprint: a single one may have another cause."""

AT_ONCE: frozenset[str] = frozenset({"not_ready", "unhealthy"})
"""One of these is enough: it was given all the time that the spec gives it."""


class Failure(msgspec.Struct, frozen=True):
    worker: str
    reason: Reason
    weight: int
    exit: LastExit | None = None

    def __str__(self) -> str:
        if self.reason == "not_ready":
            return f"{self.worker} was not ready in time"
        if self.reason == "unhealthy":
            return f"{self.worker} was unhealthy before it ever counted as healthy"
        if self.exit is None or self.reason == "start_failed":
            why = f": {self.exit.message}" if self.exit is not None and self.exit.message else ""
            return f"{self.worker} could not be started{why}"
        if self.reason in FOR_MEMORY:
            return f"{self.worker} was killed for its memory before it ever counted as healthy"
        signal, status = self.exit.signal, self.exit.status
        how = f"signal {signal}" if signal is not None else f"status {status}"
        return f"{self.worker} ended with {how} before it ever counted as healthy"


def failures(
    d: Draft, name: str, group: WantedGroup, numbers: Collection[int], roll: Roll
) -> list[Failure]:
    """What went wrong in this pass. What is approved, or was healthy everywhere, is not on trial."""
    if roll.good or roll.given_up or group.approved == group.fingerprint:
        return []
    found = (_failure(d, group, roll, f"{name}-{number}") for number in sorted(numbers))
    return [failure for failure in found if failure is not None]


def _failure(d: Draft, group: WantedGroup, roll: Roll, worker: str) -> Failure | None:
    now, before = d.slots.get(worker), d.history.slots.get(worker)
    if now is None or not _is_on_trial(d, group, roll, worker):
        return None
    was = None if before is None else before.stopping
    stops = now.stopping
    if stops is not None and (was is None or was.run != stops.run) and stops.reason in AT_ONCE:
        return Failure(worker, stops.reason, ENOUGH)
    last = now.last_exit
    new = last is not None and (before is None or last != before.last_exit)
    if last is None or not new or now.rest == "finished" or last.reason in AT_ONCE:
        return None
    if last.reason not in SPENDS_BUDGET | FOR_MEMORY:
        return None
    return Failure(worker, last.reason, 1, last)


def _is_on_trial(d: Draft, group: WantedGroup, roll: Roll, worker: str) -> bool:
    """Its run is of this fingerprint, and has not counted as healthy yet; or could not even be started."""
    if worker in d.observed.failed:
        return roll.since < d.now  # else it was another fingerprint that was to be started
    seen, run = d.observed.seen.get(worker), d.observed.runs.get(worker)
    if seen is None or run is None or seen.run != run.run or seen.drift or not run.adopted:
        return False
    return run.run not in roll.proven and good_at(run, group) > d.now


def give_up(d: Draft, name: str, group: WantedGroup, roll: Roll, failed: Sequence[Failure]) -> Roll:
    """Count what failed; and back, if that is too much and there is something to go back to."""
    if failed:
        counted = dict(roll.failures)
        for failure in failed:
            counted[failure.worker] = counted.get(failure.worker, 0) + failure.weight
        roll = msgspec.structs.replace(roll, failures=counted)
    count = sum(roll.failures.values())
    if roll.given_up or count < ENOUGH or not group.rollout.rollback:
        return roll
    if group.approved in ("", group.fingerprint) or group.failed == group.fingerprint:
        return roll
    d.actions.append(
        RollBack(
            worker=name,
            reason=failed[-1].reason if failed else "crashed",
            fingerprint=group.fingerprint,
            message=str(failed[-1]) if failed else f"{count} of its runs failed",
        )
    )
    d.wake(d.now)
    return msgspec.structs.replace(roll, given_up=True)


def prove(d: Draft, group: WantedGroup, roll: Roll, current: Sequence[Run]) -> Roll:
    """The roll that knows which of the runs have counted as healthy. A worker that has one after all had trouble that
    is over: in a change that takes days it must not add up with that of another."""
    proven = frozenset(
        run.run for run in current if run.run in roll.proven or good_at(run, group) <= d.now
    )
    if proven == roll.proven:
        return roll
    runs = d.observed.runs
    failures = {
        worker: weight
        for worker, weight in roll.failures.items()
        if (run := runs.get(worker)) is None or run.run not in proven
    }
    return msgspec.structs.replace(roll, proven=proven, failures=failures)


def approve(d: Draft, name: str, group: WantedGroup, roll: Roll, current: Sequence[Run]) -> Roll:
    """All workers have this fingerprint: once, when all of them have been healthy."""
    if roll.good or roll.given_up or group.approved == group.fingerprint:
        return roll
    due = max((good_at(run, group) for run in current), default=d.now)
    if due > d.now:
        if due < NEVER:
            d.wake(due)
        return roll
    d.actions.append(Approve(worker=name, reason="settled", fingerprint=group.fingerprint))
    return msgspec.structs.replace(roll, good=True, proven=frozenset())
