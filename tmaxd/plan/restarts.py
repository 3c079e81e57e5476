"""What the end of a run means for its slot: whether it is started again, and when.

The first end after a good time costs no delay, each further one more than the last (`BackoffRules`). Only ends that
are the worker's own fault count (`reasons.SPENDS_BUDGET`), and of these success does not count for the limit.
"""

from __future__ import annotations

from typing import Literal
from zlib import crc32

import msgspec

from tmaxd.plan.history import LastExit, Slot
from tmaxd.plan.observed import Run
from tmaxd.plan.reasons import ASKED_FOR, FOR_MEMORY, SPENDS_BUDGET, Reason
from tmaxd.plan.rules import BackoffRules, LimitRules, RestartRules

Verdict = Literal["success", "failure", "permanent"]

SECOND_DELAY = 0.5
"""Seconds, at least, after the second crash in a row: the first is a chance, the second a pattern."""

BY_ITSELF: frozenset[str] = frozenset({"crashed", "exited", "ended_while_down"})
"""Ends whose status or signal is the program's own word; at others it only says how we, or somebody, ended it."""


def judge(status: int | None, signal: int | None, rules: RestartRules) -> Verdict:
    """What the spec calls such an end. The signal counts where there is one; an end of which nothing is known is a
    failure, as is one that the spec does not name."""
    how = status if signal is None else -signal
    if how is None:
        return "failure"
    if how in rules.permanent:
        return "permanent"
    return "success" if how in rules.success and how not in rules.failure else "failure"


def natural_end(status: int | None, signal: int | None, rules: RestartRules) -> Reason:
    return "exited" if judge(status, signal, rules) == "success" else "crashed"


def delay(crashes: int, rules: BackoffRules, worker: str) -> float:
    """Seconds to wait after the n-th end in a row. The jitter is that of the worker and the number, so that the same
    world gives the same plan, and workers that ended together do not start together."""
    if crashes <= 0:
        return 0.0
    wait = min(rules.first, rules.max)
    if crashes > 1:
        try:
            growth = rules.factor ** (crashes - 2)
        except OverflowError:
            growth = float("inf")
        wait = min(max(rules.first, SECOND_DELAY) * growth, rules.max)
    # The factor (Knuth's, 2**32 by the golden ratio) scatters what crc32 gives for names that are alike.
    part = crc32(f"{worker} {crashes}".encode()) * 2654435761 % 2**32 / 2**32
    return wait * (1.0 + rules.jitter * part)


def good_time(run: Run, now: float) -> float:
    """Seconds since the run was ready; 0 for one that never was."""
    if not run.ready:
        return 0.0
    return now - (run.started if run.ready_at is None else run.ready_at)


def rest(
    last: LastExit | None, crashed_at: tuple[float, ...], rules: RestartRules
) -> Reason | None:
    """Why a worker that ended so is not started again by itself; None: it is. Asked anew in each pass, so that a
    policy that was changed holds at once."""
    if last is None or last.reason in ASKED_FOR:
        return None
    verdict: Verdict = "failure"
    if last.reason in BY_ITSELF:
        verdict = judge(last.status, last.signal, rules)
    if verdict == "success":
        return None if rules.policy == "always" else "finished"
    if verdict == "permanent" or rules.policy == "never":
        return "failed"
    limit = rules.limit
    stays = limit is not None and limit.retry_every is None and len(crashed_at) >= limit.crashes
    return "crash_limit" if stays else None


def after_end(
    slot: Slot,
    last: LastExit,
    rules: RestartRules,
    worker: str,
    *,
    up: float = 0.0,
    revived: float | None = None,
) -> Slot:
    """The slot once its run has ended (or could not be started). `up` is its good time; `revived`: when (monotonic)
    those are started again who died with many others."""
    spent = msgspec.structs.replace(
        slot,
        next_start=revived,
        stopping=None,
        hold=None,
        held_since=None,
        dying=None,
        last_exit=last,
    )
    if last.reason in SPENDS_BUDGET:
        spent = _spend(spent, last, rules, worker, up)
    elif last.reason in FOR_MEMORY:
        spent = _starve(spent, last, rules, worker, up)
    why = rest(last, spent.crashed_at, rules)
    if why is None:
        return msgspec.structs.replace(spent, rest=None)
    return msgspec.structs.replace(spent, rest=why, next_start=None, quarantined=False)


def _starve(slot: Slot, last: LastExit, rules: RestartRules, worker: str, up: float) -> Slot:
    """The delays of a crash, and nothing else of it."""
    starved = 1 if up >= rules.backoff.reset_after else slot.starved + 1
    wait = delay(starved, rules.backoff, worker)
    due = last.at + wait if wait > 0.0 else None
    return msgspec.structs.replace(slot, starved=starved, next_start=due)


def _spend(slot: Slot, last: LastExit, rules: RestartRules, worker: str, up: float) -> Slot:
    good = up >= rules.backoff.reset_after
    crashes = 1 if good else slot.crashes + 1
    quarantined, crashed_at = slot.quarantined, slot.crashed_at
    if quarantined and good:
        quarantined, crashed_at = False, ()
    limit = rules.limit
    if limit is None:
        quarantined, crashed_at = False, ()
    elif last.reason != "exited":
        crashed_at = _counted(crashed_at, last.at, limit)
        too_many = len(crashed_at) >= limit.crashes
        quarantined = limit.retry_every is not None and (quarantined or too_many)
    if quarantined and limit is not None and limit.retry_every is not None:
        wait = limit.retry_every
    else:
        # A start that failed cannot have been good: it never gets the free first try.
        failed = last.reason == "start_failed"
        wait = delay(crashes + 1 if failed else crashes, rules.backoff, worker)
    return msgspec.structs.replace(
        slot,
        crashes=crashes,
        crashed_at=crashed_at,
        quarantined=quarantined,
        next_start=last.at + wait,
    )


def _counted(crashed_at: tuple[float, ...], at: float, limit: LimitRules) -> tuple[float, ...]:
    """Those within the limit's time; never more than it takes to reach it."""
    kept = [t for t in crashed_at if at - t < limit.within]
    return (*kept, at)[-limit.crashes :]
