"""Who goes when a group, or the fleet, uses too much: one at a time, the next only after a sample that was taken when
the last was gone.

Spares go first, they serve nobody. Then the worst offender against a limit of its own, by how many times it uses it;
then whoever uses most; of each kind the idle before the busy. Whoever is looked at or pinned goes only when the total
is above `kill`, and after the others of its kind. Who would give nothing back is left alone (`counting.WORTH`).
"""

from __future__ import annotations

from typing import Literal

from tmaxd.plan.counting import is_worth_it
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.rules import ThresholdRules
from tmaxd.plan.sample import Sample
from tmaxd.plan.tallies import Count, Scope, Victim

Level = Literal["memory_recycle", "memory_kill"] | None
"""What the total asks for."""


def judge_total(
    s: Sample, name: str, count: Count, rules: ThresholdRules, level: Level, used: int
) -> None:
    """`name`: a group, or empty for the fleet."""
    scope: Scope = "group" if name else "fleet"
    victim = s.victims.get(name)
    if victim is not None and _waits_for(s, victim, scope, level):
        if level is None and victim.gone is None and count.under >= rules.samples:
            _let_live(s, victim, scope)
        return
    s.victims.pop(name, None)
    if victim is not None:
        _let_live(s, victim, scope)
    if level is None:
        return
    chosen = _choose(s, name, level)
    if chosen is not None:
        s.victims[name] = Victim(chosen, s.tallies[chosen].run)
        limit = rules.kill if level == "memory_kill" else rules.recycle
        s.mark(chosen, level, scope, used, limit)


def _waits_for(s: Sample, victim: Victim, scope: Scope, level: Level) -> bool:
    """Nobody else is chosen yet."""
    if victim.gone is not None:
        return s.usage.at <= victim.gone
    stopping = s.d.slot(victim.worker).stopping
    run = s.d.observed.runs.get(victim.worker)
    if run is None or run.run != victim.run:
        return True  # it is swept
    if stopping is not None and stopping.run == victim.run:
        return True
    mark = s.marks.get(victim.worker)
    if mark is None or mark.run != victim.run:
        return False
    if mark.reason == "memory_kill":
        return True
    return level != "memory_kill" and not s.is_guarded(victim.worker)


def _let_live(s: Sample, victim: Victim, scope: Scope) -> None:
    mark = s.marks.get(victim.worker)
    if mark is not None and mark.run == victim.run:
        s.unmark(victim.worker, "memory_recycle", scope)


def _choose(s: Sample, name: str, level: Level) -> str | None:
    if not name:
        spares = [w for w in s.tallies if is_spare(w) and _lives(s, w)]
        if spares:
            return max(spares, key=lambda w: (s.tallies[w].bytes, split(w)))
    found = [w for w in s.tallies if _may_be(s, w, name, level)]
    return min(found, key=lambda w: _turn(s, w), default=None)


def _lives(s: Sample, spare: str) -> bool:
    run = s.d.observed.runs.get(spare)
    there = run is not None and run.alive and run.adopted
    return there and s.d.slot(spare).stopping is None


def _may_be(s: Sample, worker: str, name: str, level: Level) -> bool:
    group = split(worker)[0]
    if is_spare(worker) or group not in s.d.wanted.groups or (name and group != name):
        return False
    if s.may_go(worker) is None or not is_worth_it(s.tallies[worker]):
        return False
    return level == "memory_kill" or not s.is_guarded(worker)


def _turn(s: Sample, worker: str) -> tuple[bool, bool, bool, float, int, tuple[str, int]]:
    """The smallest goes first."""
    tally, rules = s.tallies[worker], s.d.group_of(worker).memory
    own = rules.recycle if rules.recycle is not None else rules.kill
    ratio = tally.bytes / own if own else 0.0
    offends = ratio > 1.0
    return (
        not offends,
        s.is_guarded(worker),
        s.d.load(worker).in_flight > 0,
        -ratio if offends else 0.0,
        -tally.bytes,
        split(worker),
    )
