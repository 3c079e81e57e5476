"""One sample of memory: what was counted before, and what it says, make what is counted after. Pure."""

from __future__ import annotations

from tmaxd.plan.observed import Footprint, Load, Run
from tmaxd.plan.rules import ThresholdRules
from tmaxd.plan.tallies import Count, Tally

WARM_UP = 10.0
"""Seconds from being ready, or the end of its first task, until what a run uses says what it needs: an interpreter or
an agent goes on loading after it has begun. What it used before would look like a time when it kept to its limit."""

HYSTERESIS = 0.05
"""Starts that were held back go on at so much below the limit, as a part of it: the first of them would cross it
again at once."""

WORTH = 0.1
"""Who goes for a total has to give back at least this part of what it uses. A run that uses no more than it did at its
least is replaced by one that uses the same, without end: then the limit is too low for what runs, which is for a human
to decide. The tenth is more than what a sample is off by."""


def counted(before: Count, used: int, rules: ThresholdRules) -> Count:
    over = rules.recycle is not None and used > rules.recycle
    warn = before.warn + 1 if rules.warn is not None and used > rules.warn else 0
    return Count(
        warn=warn,
        recycle=before.recycle + 1 if over else 0,
        kill=before.kill + 1 if rules.kill is not None and used > rules.kill else 0,
        under=0 if over else before.under + 1,
        warned=warn > 0 and (before.warned or warn >= rules.samples),
        used=used,
    )


def tallied(before: Tally | None, sample: Footprint, rules: ThresholdRules, *, warm: bool) -> Tally:
    """Another run of the worker begins at nothing."""
    if before is None or before.run != sample.run:
        before = Tally(sample.run)
    least = before.least
    if warm:
        least = sample.bytes if least is None else min(least, sample.bytes)
    told = before.too_low
    if told != rules.recycle or least is None or told is None or least <= told:
        told = None
    return Tally(sample.run, counted(before.count, sample.bytes, rules), sample.bytes, least, told)


def is_warm(run: Run, load: Load, at: float) -> bool:
    """Whether a sample at that time (monotonic) says what the run needs."""
    if not run.ready:
        return False
    since = run.started if run.ready_at is None else run.ready_at
    return load.in_flight > 0 or load.ended > 0 or at >= since + WARM_UP


def never_kept(tally: Tally, limit: int) -> bool:
    """It has used more than the limit for as long as it is known."""
    return tally.least is not None and tally.least > limit


def is_worth_it(tally: Tally) -> bool:
    """Enough would come back, were it replaced."""
    if tally.least is None:
        return False
    return tally.bytes - tally.least >= max(1.0, WORTH * tally.bytes)


def holds(before: bool, used: int, limit: int | None) -> bool:
    """Whether starts are held back for this limit, which they were `before` or were not."""
    if limit is None:
        return False
    return used > (limit * (1.0 - HYSTERESIS) if before else limit)


def limits(rules: ThresholdRules) -> bool:
    """Whether there is any threshold."""
    return not (rules.warn is None and rules.recycle is None and rules.kill is None)
