"""Memory, once a pass: what a new sample says is counted, and who is to go for it is known before anybody is planned.

A pass without a new sample counts nothing. Whoever exceeds a limit of its own is marked; for a total somebody has to be
found (`victims`). What the marks lead to is not decided here: `rollout` replaces those that are to be recycled as it
replaces others, `workers` kills, `admission` holds starts back.
"""

from __future__ import annotations

import msgspec

from tmaxd.plan.counting import counted, holds, is_warm, limits, never_kept, tallied
from tmaxd.plan.draft import Draft, is_spare, split
from tmaxd.plan.forecast import look_ahead
from tmaxd.plan.observed import Usage
from tmaxd.plan.rules import MemoryRules, ThresholdRules
from tmaxd.plan.sample import Sample, noted
from tmaxd.plan.tallies import NO_COUNT, NO_MEMORY, Count, Mark, Memory, Scope, Tally, Victim
from tmaxd.plan.victims import Level, judge_total
from tmaxd.plan.wanted import Wanted

FLEET = ""
"""The fleet among the groups."""


def look_for_memory(d: Draft) -> None:
    """Before the workers are planned."""
    before = d.history.memory
    if not _governs(d.wanted):
        d.memory = _only_the_least(d, before)
        return
    d.memory = memory = _still_true(d, before)
    usage = d.observed.usage
    if usage is not None and usage.number != memory.number and not d.observed.down:
        d.memory = memory = _counted(d, memory, usage)
    d.admitted = dict(memory.admitted)
    for worker, mark in memory.marks.items():
        if mark.reason == "memory_kill":
            d.kills[worker] = mark.run
        else:
            d.due[worker] = mark.reason


def _only_the_least(d: Draft, before: Memory) -> Memory:
    """Nothing acts, but what each run used at its least is noted all the same: once a limit is there (again), a run
    that has kept to it before must not look like one that never could."""
    usage = d.observed.usage
    if usage is None or d.observed.down:
        return NO_MEMORY
    if usage.number == before.number:
        bare = Memory(number=before.number, workers=before.workers)
        return before if bare == before else bare
    tallies = {}
    for worker, footprint in usage.workers.items():
        run = d.observed.runs.get(worker)
        if run is not None and run.run == footprint.run and run.alive:
            warm = is_warm(run, d.load(worker), usage.at)
            known = tallied(before.workers.get(worker), footprint, ThresholdRules(), warm=warm)
            tallies[worker] = Tally(known.run, bytes=known.bytes, least=known.least)
    return Memory(number=usage.number, workers=tallies)


def _governs(wanted: Wanted) -> bool:
    rules = wanted.memory
    if not rules.governed:
        return False
    if limits(rules) or rules.hold is not None or rules.keep_free is not None:
        return True
    return any(limits(g.memory) or limits(g.memory.total) for g in wanted.groups.values())


def _still_true(d: Draft, before: Memory) -> Memory:
    """Without those that are gone, and without marks for limits that there are no more. The same object where nothing
    changed, which is the common case."""
    if not (before.marks or before.victims or before.admitted):
        return before
    runs = d.observed.runs
    marks = {w: m for w, m in before.marks.items() if _stands(d, w, m)}
    admitted = {w: size for w, size in before.admitted.items() if w in runs}
    victims = {key: _seen_gone(d, victim) for key, victim in before.victims.items()}
    if (marks, admitted, victims) == (before.marks, before.admitted, before.victims):
        return before
    return msgspec.structs.replace(before, marks=marks, admitted=admitted, victims=victims)


def _stands(d: Draft, worker: str, mark: Mark) -> bool:
    run, rules = d.observed.runs.get(worker), d.group_of(worker).memory
    if run is None or run.run != mark.run:
        return False
    if mark.reason == "memory_forecast":
        return d.wanted.memory.forecast and rules.recycle is not None
    of: ThresholdRules = rules
    if mark.scope != "worker":
        of = d.wanted.memory if mark.scope == "fleet" else rules.total
    return (of.kill if mark.reason == "memory_kill" else of.recycle) is not None


def _seen_gone(d: Draft, victim: Victim) -> Victim:
    run = d.observed.runs.get(victim.worker)
    here = (run is not None and run.run == victim.run) or victim.run in d.history.sweeps
    if here or victim.gone is not None:
        return victim
    return msgspec.structs.replace(victim, gone=d.now)


def to_remember(d: Draft) -> Memory:
    """After everything was planned: with the starts of this pass."""
    if d.admitted == d.memory.admitted:
        return d.memory
    return msgspec.structs.replace(d.memory, admitted=d.admitted)


# ------------------------------------------------------------------------------------ a new sample


def _counted(d: Draft, before: Memory, usage: Usage) -> Memory:
    s = Sample(d, usage, before, marks=dict(before.marks), victims=dict(before.victims))
    for worker, footprint in usage.workers.items():
        run = d.observed.runs.get(worker)
        if run is None or run.run != footprint.run or not run.alive:
            continue
        warm = is_warm(run, d.load(worker), usage.at)
        rules = d.group_of(worker).memory
        tally = tallied(before.workers.get(worker), footprint, rules, warm=warm)
        s.tallies[worker] = tally
        if limits(rules):
            _judge_worker(s, worker, rules)
    _keep_the_unmeasured(s)
    _learn_sizes(s)
    groups = _judge_groups(s)
    fleet = _count_total(s, FLEET, before.fleet, usage.fleet, d.wanted.memory)
    held, pool_held = _judge_hold(s)
    s.held = held
    _judge_fleet(s, fleet)
    look_ahead(s)
    return Memory(
        number=usage.number,
        workers=s.tallies,
        groups=groups,
        fleet=fleet,
        marks=s.marks,
        victims=s.victims,
        held=held,
        pool_held=pool_held,
        sizes=s.sizes,
        admitted=_still_starting(s),
    )


def _keep_the_unmeasured(s: Sample) -> None:
    runs = s.d.observed.runs
    for worker, tally in s.before.workers.items():
        run = runs.get(worker)
        if worker not in s.tallies and run is not None and run.run == tally.run:
            s.tallies[worker] = tally


def _judge_worker(s: Sample, worker: str, rules: MemoryRules) -> None:
    tally, mark = s.tallies[worker], s.marks.get(worker)
    count, before = tally.count, s.before.workers.get(worker)
    warned = before is not None and before.run == tally.run and before.count.warned
    if count.warned and not warned:
        noted(s, "memory_warning", "worker", worker, tally.bytes, rules.warn)
    if rules.kill is not None and count.kill >= rules.samples:
        s.mark(worker, "memory_kill", "worker", tally.bytes, rules.kill)
    elif rules.recycle is not None and count.recycle >= rules.samples:
        if never_kept(tally, rules.recycle):
            _tell_too_low(s, worker, rules.recycle)
        elif tally.least is not None:
            s.mark(worker, "memory_recycle", "worker", tally.bytes, rules.recycle)
    elif mark is not None and count.under >= rules.samples:
        s.unmark(worker, "memory_recycle", "worker")


def _tell_too_low(s: Sample, worker: str, limit: int) -> None:
    tally = s.tallies[worker]
    if tally.too_low is None:
        s.tallies[worker] = msgspec.structs.replace(tally, too_low=limit)
        noted(s, "memory_limit_too_low", "worker", worker, tally.bytes, limit)


def _learn_sizes(s: Sample) -> None:
    """What a run uses when it has just become ready, as the next start of its kind will."""
    if s.d.wanted.memory.keep_free is None:
        return
    known = {group.fingerprint for group in s.d.wanted.groups.values()}
    s.sizes = {mark: size for mark, size in s.before.sizes.items() if mark in known}
    for worker, tally in s.tallies.items():
        run, seen = s.d.observed.runs[worker], s.d.observed.seen.get(worker)
        young = worker not in s.before.workers or tally.least is None
        if run.ready and young and seen is not None and not seen.drift:
            kind = s.d.group_of(worker).fingerprint
            s.sizes[kind] = max(s.sizes.get(kind, 0), tally.bytes)


def _judge_groups(s: Sample) -> dict[str, Count]:
    ruled = {n: g.memory.total for n, g in s.d.wanted.groups.items() if limits(g.memory.total)}
    if not ruled:
        return {}
    sums = dict.fromkeys(ruled, 0)
    for worker, tally in s.tallies.items():
        name = split(worker)[0]
        if name in sums and not is_spare(worker):
            sums[name] += tally.bytes
    counts = {}
    for name, rules in ruled.items():
        before = s.before.groups.get(name, NO_COUNT)
        count = counts[name] = _count_total(s, name, before, sums[name], rules)
        judge_total(s, name, count, rules, _level(count, rules), sums[name])
    for name in [n for n in s.victims if n not in ruled and n != FLEET]:
        del s.victims[name]
    return counts


def _count_total(s: Sample, name: str, before: Count, used: int, rules: ThresholdRules) -> Count:
    count = counted(before, used, rules)
    if count.warned and not before.warned:
        scope: Scope = "group" if name else "fleet"
        noted(s, "memory_warning", scope, name, used, rules.warn)
    return count


def _level(count: Count, rules: ThresholdRules) -> Level:
    if rules.kill is not None and count.kill >= rules.samples:
        return "memory_kill"
    over = rules.recycle is not None and count.recycle >= rules.samples
    return "memory_recycle" if over else None


def _judge_hold(s: Sample) -> tuple[int | None, bool]:
    """Whether starts, and those of spares, are held back from now on. Above `kill` they are, too: what is killed must
    not come back at once."""
    rules, used, before = s.d.wanted.memory, s.usage.fleet, s.before
    limit = _lowest(rules.hold, rules.kill)
    pool_limit = _lowest(limit, rules.recycle)
    over = holds(before.held is not None, used, limit)
    if over and before.held is None:
        noted(s, "memory_hold", "fleet", FLEET, used, limit)
    elif before.held is not None and not over:
        noted(s, "memory_hold_over", "fleet", FLEET, used, limit)
    since = before.held if before.held is not None else s.usage.number
    return (since if over else None), holds(before.pool_held, used, pool_limit)


def _lowest(*found: int | None) -> int | None:
    return min((limit for limit in found if limit is not None), default=None)


def _judge_fleet(s: Sample, count: Count) -> None:
    rules = s.d.wanted.memory
    level = _level(count, rules)
    if level == "memory_kill" and (s.held is None or s.held >= s.usage.number):
        # Nobody is killed before starts were held back for a sample at least.
        level = "memory_recycle" if rules.recycle is not None else None
    judge_total(s, FLEET, count, rules, level, s.usage.fleet)


def _still_starting(s: Sample) -> dict[str, int]:
    """Those whose start this sample does not show whole."""
    found = {}
    for worker, size in s.before.admitted.items():
        run = s.d.observed.runs.get(worker)
        since = None if run is None else run.ready_at if run.ready_at is not None else run.started
        if run is not None and not (run.ready and since is not None and s.usage.at > since):
            found[worker] = size
    return found
