"""What no plan may do for memory or age, whatever the samples say. Checked against the samples themselves."""

from __future__ import annotations

from tests.property.plan_world import World
from tmaxd.plan import actions as a
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import NEW_SLOT, History
from tmaxd.plan.observed import NO_INTENT, Observed
from tmaxd.plan.plan import Plan
from tmaxd.plan.reasons import RECYCLES, SAVES_MEMORY
from tmaxd.plan.tallies import Mark


def check_memory(world: World, seen: Observed, before: History, made: Plan) -> None:
    _marks_only_offenders(world, seen, before, made)
    _holds(world, seen, before, made)
    _one_by_one(world, seen, made)
    for action in made.actions:
        if not isinstance(action, a.Stop):
            continue
        guarded = seen.seen[action.worker].attached if action.worker in seen.seen else 0
        pinned = seen.intents.get(action.worker, NO_INTENT).pinned
        if action.reason in RECYCLES and not is_spare(action.worker):
            assert not guarded, "a fresh run is no reason to disturb anybody"
            assert not pinned
            _waits_for_tasks(world, seen, made, action)
        if action.reason == "max_tasks":
            most = world.wanted.groups[split(action.worker)[0]].age.max_tasks
            assert most is not None
            assert seen.loads[action.worker].ended >= most
        elif action.reason in RECYCLES or action.reason == "memory_kill":
            mark = made.history.memory.marks.get(action.worker)
            assert mark is not None
            assert mark.run == action.run


def is_marked(made: Plan, worker: str, run: str) -> bool:
    mark = made.history.memory.marks.get(worker)
    return mark is not None and mark.run == run


def _marks_only_offenders(world: World, seen: Observed, before: History, made: Plan) -> None:
    old, new = before.memory, made.history.memory
    fresh = {w: m for w, m in new.marks.items() if old.marks.get(w) != m}
    if not fresh:
        return
    usage = seen.usage
    assert usage is not None
    assert usage.number != old.number, "a pass without a new sample has judged"
    totals: dict[str, int] = {}
    for worker, mark in fresh.items():
        if mark.scope == "worker":
            _offends(world, seen, worker, mark)
        else:
            name = split(worker)[0] if mark.scope == "group" else ""
            totals[name] = totals.get(name, 0) + 1
    assert all(count == 1 for count in totals.values()), "one at a time"


def _offends(world: World, seen: Observed, worker: str, mark: Mark) -> None:
    assert seen.usage is not None
    footprint, rules = seen.usage.workers[worker], world.wanted.groups[split(worker)[0]].memory
    limit = rules.kill if mark.reason == "memory_kill" else rules.recycle
    assert limit is not None
    if mark.reason == "memory_forecast":
        assert footprint.slope is not None
        assert footprint.slope > 0
        assert not seen.loads.get(worker) or seen.loads[worker].in_flight == 0
    else:
        assert footprint.bytes > limit
    if mark.reason != "memory_kill":
        # It has been seen to keep to the limit: its next run does not go at once for the same.
        assert world.kept.get(mark.run, limit + 1) <= limit


def _holds(world: World, seen: Observed, before: History, made: Plan) -> None:
    rules, usage = world.wanted.memory, seen.usage
    if usage is None or not rules.governed:
        assert made.history.memory.held is None or usage is None
        return
    starts = [x for x in made.actions if isinstance(x, a.Start) and x.reason not in SAVES_MEMORY]
    fresh = usage.number != before.memory.number  # an edit counts from the next sample on
    if rules.hold is not None and usage.fleet > rules.hold and fresh:
        assert not starts
    if rules.keep_free is not None and usage.free is not None and usage.free < rules.keep_free:
        assert not starts


def _one_by_one(world: World, seen: Observed, made: Plan) -> None:
    if not world.wanted.one_by_one:
        return
    starts = [x for x in made.actions if isinstance(x, a.Start)]
    assert len(starts) <= 1
    young = [
        w
        for w, run in seen.runs.items()
        if run.alive and not run.ready and world.now < run.started + 60.0
        if made.history.slots.get(w, NEW_SLOT).stopping is None
    ]
    assert not (starts and young)


def _waits_for_tasks(world: World, seen: Observed, made: Plan, stop: a.Stop) -> None:
    life = world.lives.get(stop.run)
    if life is None or not life.tasks:
        return
    assert stop.reason == "memory_recycle"
    deadline = world.wanted.groups[split(stop.worker)[0]].memory.deadline
    since = made.history.slots[stop.worker].held_since
    assert deadline is not None
    assert since is not None
    assert world.now >= since + deadline
