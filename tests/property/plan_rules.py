"""What no plan may ever do, whatever the world: checked on each pass, against the truth of `plan_world`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import msgspec

from tests.property.plan_memory import check_memory, is_marked
from tests.property.plan_parts import Life
from tests.property.plan_rollouts import check_order, check_rollouts
from tests.property.plan_world import World
from tmaxd.plan import actions as a
from tmaxd.plan.draft import split
from tmaxd.plan.history import NEW_SLOT, History, Slot
from tmaxd.plan.observed import NO_INTENT, Observed
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.reasons import REASONS, RECYCLES
from tmaxd.plan.stops import POLL_SLOW
from tmaxd.plan.wanted import Wanted

MAY_COST_TASKS = frozenset(
    {"down", "task_timeout", "silent", "pipe_lost", "session_killed", "server_died"}
    | {"ended_while_down", "unhealthy", "memory_kill", "memory_recycle"}
)
LEAVING = frozenset({"scaled_down", "group_removed", "down"})
ASKED_FOR = (
    LEAVING
    | {
        "spec_changed",
        "operator_restart",
        "operator_stop",
        "task_timeout",
        "silent",
        "pipe_lost",
        "unhealthy",
        "not_ready",
        "memory_kill",
    }
    | RECYCLES
)

WAIT_FOR_OTHERS = frozenset({"after", "adopted", "memory_hold", "keep_free", "one_by_one", None})
"""Why a start that is due is not looked for again by itself."""

T = TypeVar("T")


def check(world: World, seen: Observed, before: History, made: Plan) -> None:
    _takes_each_spare_once(seen, before, made)
    assert {action.reason for action in made.actions} <= REASONS
    assert len(set(made.actions)) == len(made.actions)
    for action in made.actions:
        _ours_only(seen, action)
        _sees_what_it_signals(seen, action)
        _spares_the_healthy(world, seen, before, made, action)
        _costs_no_task(world, seen, action)
        _respawns_nothing_alive(seen, before, made, action)
        _leaves_pipes_in_use(world, made, action)
        if isinstance(action, a.Swept):
            assert not world.tree(action.run)
        if isinstance(action, a.Adopt):
            assert action.run not in before.sweeps
    _sleeps_not_too_long_and_not_too_short(world, seen, before, made)
    _lets_go_no_more_than_it_must(world, seen, before, made)
    check_rollouts(world, seen, before, made)
    check_order(world, seen, made)
    check_memory(world, seen, before, made)
    _order_is_no_matter(world.wanted, seen, before, world.now, made)


def _takes_each_spare_once(seen: Observed, before: History, made: Plan) -> None:
    """Into a slot that nothing lives in, in place of its start; and nothing else happens to it in that pass."""
    takes = [x for x in made.actions if isinstance(x, a.Take)]
    assert len({x.spare for x in takes}) == len({x.worker for x in takes}) == len(takes)
    ended = {x.run for x in made.actions if isinstance(x, a.End)}
    for take in takes:
        run, former = seen.runs[take.spare], seen.runs.get(take.worker)
        assert run.run == take.run
        assert run.alive
        assert former is None or former.run in ended
        assert split(take.spare)[0] == split(take.worker)[0]
        about_others = (a.MemoryNote, a.Swept)  # the one only tells, the other is of an earlier run
        others = [x for x in made.actions if x is not take and not isinstance(x, about_others)]
        assert not any(x.worker == take.spare for x in others)
        assert not any(isinstance(x, a.Start) and x.worker == take.worker for x in others)
    for worker, pane in seen.seen.items():
        if pane.alive and any(x.worker == worker for x in takes):
            assert pane.run in {x.run for x in takes} | before.sweeps.keys()


def _ours_only(seen: Observed, action: a.AnyAction) -> None:
    pane = seen.seen.get(action.worker)
    match action:
        case a.RemoveSession() | a.Rename():
            assert pane is not None
            assert action.session_id == pane.session_id
        case a.LogTo():
            assert pane is not None
            assert action.pane_id == pane.pane_id
        case a.Start():
            assert action.pane_id == (pane.pane_id if pane else None)
        case a.Adopt():
            assert pane is not None
            assert pane.alive
            assert action.run == pane.run


def _sees_what_it_signals(seen: Observed, action: a.AnyAction) -> None:
    if isinstance(action, a.Signal):
        assert action.members
        assert set(action.members) == seen.trees[action.run]
        pane = seen.seen.get(action.worker)
        run = seen.runs.get(action.worker)
        assert pane is None or run is None or action.run == run.run or action.run != pane.run


def _spares_the_healthy(
    world: World, seen: Observed, before: History, made: Plan, action: a.AnyAction
) -> None:
    """A worker that is wanted, up to date, and well keeps its session and its run."""
    if not isinstance(action, a.RemoveSession | a.Signal | a.Stop | a.End | a.Start):
        return
    if not _healthy(world, seen, before, made, action.worker):
        return
    leftover = isinstance(action, a.Signal) and action.run != seen.runs[action.worker].run
    assert leftover, action


def _healthy(world: World, seen: Observed, before: History, made: Plan, worker: str) -> bool:
    pane, run = seen.seen.get(worker), seen.runs.get(worker)
    if pane is None or run is None or not _is_wanted(made, worker):
        return False
    slot = before.slots.get(worker)
    life = world.lives.get(run.run)
    intent = seen.intents.get(worker, NO_INTENT)
    heals = world.wanted.groups[split(worker)[0]].heals
    return (
        not intent.stopped
        and intent.restart != run.run
        and not (run.healthy is False and heals)
        and pane.alive
        and run.alive
        and pane.run == run.run
        and not pane.drift
        and not run.cut_off
        and not is_marked(made, worker, run.run)
        and not _has_done_enough(world, worker, life)
        and not (life is not None and (life.overdue or life.silent))
        and (slot is None or slot.stopping is None or slot.stopping.run != run.run)
    )


def _has_done_enough(world: World, worker: str, life: Life | None) -> bool:
    most = world.wanted.groups[split(worker)[0]].age.max_tasks
    return most is not None and life is not None and life.ended >= most


def _is_wanted(made: Plan, worker: str) -> bool:
    return any(worker == f"{g}-{n}" for g, numbers in made.slots.items() for n in numbers)


def _costs_no_task(world: World, seen: Observed, action: a.AnyAction) -> None:
    if isinstance(action, a.Stop):
        life, load = world.lives.get(action.run), seen.loads.get(action.worker)
        if seen.intents.get(action.worker, NO_INTENT).force:
            return  # somebody has decided that
        ready = seen.runs[action.worker].ready
        assert load is None or load.held or not ready or action.reason in MAY_COST_TASKS
        assert life is None or life.tasks == 0 or action.reason in MAY_COST_TASKS
        assert action.reason != "task_timeout" or (life is not None and life.overdue)
        assert action.reason != "silent" or (life is not None and life.silent)


def _respawns_nothing_alive(
    seen: Observed, before: History, made: Plan, action: a.AnyAction
) -> None:
    pane, run = seen.seen.get(action.worker), seen.runs.get(action.worker)
    if isinstance(action, a.RemoveSession):
        assert run is None
    if isinstance(action, a.Start):
        over = pane is not None and run is None and pane.run in before.sweeps
        assert pane is None or not pane.alive or over
        ended = [x.run for x in made.actions if isinstance(x, a.End)]
        assert run is None or run.run in ended
        left = any(item.worker == action.worker for item in made.history.sweeps.values())
        last = made.history.slots.get(action.worker, NEW_SLOT).last_exit
        assert not (left and last is not None and last.reason in ASKED_FOR)


def _leaves_pipes_in_use(world: World, made: Plan, action: a.AnyAction) -> None:
    if isinstance(action, a.RemovePipes):
        live = world.live.get(action.worker)
        assert live is None or not live.takes_tasks
        assert not any(item.worker == action.worker for item in made.history.sweeps.values())


def _sleeps_not_too_long_and_not_too_short(
    world: World, seen: Observed, before: History, made: Plan
) -> None:
    wake, slots = made.wake_at, made.history.slots
    if not made.actions and made.history == before:
        assert wake is None or wake > world.now, (
            "a pass that changes nothing would be repeated at once"
        )
    if made.history.sweeps or any(slot.stopping for slot in slots.values()):
        assert wake is not None
        assert wake <= world.now + POLL_SLOW
    for worker, slot in slots.items():
        waits = made.pending.get(worker) in WAIT_FOR_OTHERS
        waits = waits or any(item.worker == worker for item in made.history.sweeps.values())
        if worker in seen.runs or slot.next_start is None or waits:
            continue
        if _is_wanted(made, worker):
            assert wake is not None
            assert wake <= slot.next_start


def _lets_go_no_more_than_it_must(
    world: World, seen: Observed, before: History, made: Plan
) -> None:
    """A worker that leaves, or the session that one has left, does not take the place of another."""
    for name, numbers in made.slots.items():
        there = {
            split(worker)[1]
            for worker in seen.seen.keys() | seen.runs.keys()
            if split(worker)[0] == name and not _leaves(seen, before.slots.get(worker), worker)
        }
        there = {number for number in there if number > 0}
        group = world.wanted.groups[name]
        assert group.count <= len(numbers) <= group.count + group.rollout.surge
        assert len(there & numbers) == min(len(numbers), len(there))


def _leaves(seen: Observed, slot: Slot | None, worker: str) -> bool:
    pane = seen.seen.get(worker)
    if slot is None:
        return False
    if slot.stopping is not None:
        return slot.stopping.reason in LEAVING
    gone = worker not in seen.runs and not (pane is not None and pane.alive)
    return gone and slot.last_exit is not None and slot.last_exit.reason in LEAVING


def _order_is_no_matter(
    wanted: Wanted, seen: Observed, before: History, now: float, made: Plan
) -> None:
    again = plan(
        msgspec.structs.replace(wanted, groups=_backwards(wanted.groups)),
        msgspec.structs.replace(
            seen,
            **{
                key: _backwards(getattr(seen, key))
                for key in ("seen", "runs", "loads", "trees", "failed", "intents")
            },
        ),
        msgspec.structs.replace(
            before,
            **{
                key: _backwards(getattr(before, key))
                for key in ("slots", "sweeps", "rolls", "deaths")
            },
        ),
        now,
    )
    assert again == made


def _backwards(items: Mapping[str, T]) -> dict[str, T]:
    return dict(reversed(list(items.items())))
