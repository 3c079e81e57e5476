"""What no plan may do to a group that is being changed, nor to groups that come one after the other."""

from __future__ import annotations

from collections.abc import Iterator

from tests.property.plan_world import World
from tmaxd.plan import actions as a
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.history import NEW_SLOT, History
from tmaxd.plan.observed import NO_INTENT, Observed, Run
from tmaxd.plan.plan import Plan
from tmaxd.plan.wanted import WantedGroup

CHANGES = ("spec_changed", "operator_restart")


def check_rollouts(world: World, seen: Observed, before: History, made: Plan) -> None:
    for name, numbers in made.slots.items():
        group = world.wanted.groups[name]
        stops = [
            x
            for x in made.actions
            if isinstance(x, a.Stop)
            and x.reason in CHANGES
            and split(x.worker)[0] == name
            and not is_spare(x.worker)
            and not seen.intents.get(x.worker, NO_INTENT).force
        ]
        _not_too_many(world, seen, made, group, [f"{name}-{n}" for n in numbers], stops)
        for stop in stops:
            pane = seen.seen[stop.worker]
            assert pane.drift or seen.intents[stop.worker].restart == stop.run
            assert not pane.attached
            pinned = seen.intents.get(stop.worker, NO_INTENT).pinned
            assert not (pinned and stop.reason == "spec_changed")
        changes = sum(x.reason == "spec_changed" for x in stops)
        roll = made.history.rolls.get(name)
        assert not (changes and roll is not None and roll.given_up)
        if changes and group.rollout.canary and group.approved != group.fingerprint:
            assert roll is not None
            if roll.canaries_at is None:
                there = {f"{name}-{n}" for n in numbers}
                assert changes + _changed(seen, there) <= group.rollout.canary
    _verdicts(world, seen, before, made)


def _changed(seen: Observed, workers: set[str]) -> int:
    """Those that run the new spec, or will when they run again; but for those that an operator has stopped."""
    return sum(
        not (worker in seen.runs and seen.seen[worker].drift)
        for worker in workers
        if worker in seen.seen and not seen.intents.get(worker, NO_INTENT).stopped
    )


def _not_too_many(
    world: World,
    seen: Observed,
    made: Plan,
    group: WantedGroup,
    workers: list[str],
    stops: list[a.Stop],
) -> None:
    """Stops of workers that serve leave as many as the spec asks for."""
    if not any(_serves(seen.runs[stop.worker]) for stop in stops):
        return
    asked = [w for w in workers if not seen.intents.get(w, NO_INTENT).stopped]
    most = group.rollout.max_unavailable
    if most == 0 and group.rollout.surge == 0:
        most = 1
    out = [w for w in asked if not _counts(world, seen, made, group, w)]
    assert len(out) <= most + max(0, len(workers) - group.count), out


def _serves(run: Run) -> bool:
    return run.ready and run.healthy is not False


def _counts(world: World, seen: Observed, made: Plan, group: WantedGroup, worker: str) -> bool:
    """It is available when the pass is over; one of the new kind when it has been for as long as it has to."""
    run, pane = seen.runs.get(worker), seen.seen.get(worker)
    if run is None or pane is None or not (run.alive and run.adopted and pane.alive):
        return False
    if made.history.slots.get(worker, NEW_SLOT).stopping is not None or not _serves(run):
        return False
    restart = seen.intents.get(worker, NO_INTENT).restart == run.run
    if pane.drift or restart:
        return True
    return _long_enough(run, group, world.now)


def _long_enough(run: Run, group: WantedGroup, now: float) -> bool:
    since = run.started if run.ready_at is None else run.ready_at
    if group.checked:
        if not run.healthy or run.healthy_since is None:
            return False
        since = max(since, run.healthy_since)
    return _serves(run) and since + group.rollout.healthy_for <= now


def _verdicts(world: World, seen: Observed, before: History, made: Plan) -> None:
    for action in made.actions:
        if isinstance(action, a.Approve):
            group = world.wanted.groups[action.worker]
            assert action.fingerprint == group.fingerprint != group.approved
            for worker in _asked(seen, made, action.worker):
                assert not seen.seen[worker].drift
                assert _long_enough(seen.runs[worker], group, world.now)
        elif isinstance(action, a.RollBack):
            group = world.wanted.groups[action.worker]
            assert group.rollout.rollback
            assert group.approved not in ("", group.fingerprint)
            assert action.fingerprint == group.fingerprint
            was = before.rolls.get(action.worker)
            assert was is None or not (was.given_up and was.fingerprint == group.fingerprint)


def _asked(seen: Observed, made: Plan, name: str) -> Iterator[str]:
    for number in made.slots[name]:
        worker = f"{name}-{number}"
        if not seen.intents.get(worker, NO_INTENT).stopped:
            yield worker


def check_order(world: World, seen: Observed, made: Plan) -> None:
    for action in made.actions:
        if isinstance(action, a.Start):
            for name, condition in world.wanted.groups[action.group].after:
                if name in made.slots:
                    _is_so_far(world, seen, made, name, ready=condition != "started")
        elif isinstance(action, a.Stop) and action.reason == "down":
            if is_spare(action.worker):
                continue  # whoever else has to wait
            group = split(action.worker)[0]
            for worker in seen.runs:
                later = world.wanted.groups.get(split(worker)[0])
                assert later is None or group not in {name for name, _ in later.after}


def _is_so_far(world: World, seen: Observed, made: Plan, name: str, *, ready: bool) -> None:
    for worker in _asked(seen, made, name):
        live = world.live[worker]
        assert live.pid in world.procs
        assert not ready or seen.runs[worker].ready
