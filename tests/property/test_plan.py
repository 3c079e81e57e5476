"""Whatever happens to a fleet, the planner keeps its rules at each pass, and comes to rest when it is left alone."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.property.plan_faults import FAULTS, OF_MEMORY, allow_memory, calm, fingerprint
from tests.property.plan_rules import check
from tests.property.plan_world import World
from tmaxd.plan import actions as a
from tmaxd.plan.draft import is_spare, split
from tmaxd.plan.observed import Intent
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.rules import (
    AgeRules,
    Condition,
    MemoryRules,
    RolloutRules,
    StopRules,
    ThresholdRules,
)
from tmaxd.plan.wanted import Wanted, WantedGroup

PASSES = 1500
"""Eight workers, one after the other, each deaf to SIGTERM and polled for its 2 s, come to rest in fewer."""

NEEDS_NO_TMUX = (
    a.Revived,
    a.MemoryNote,
    a.MassDeath,
    a.End,
    a.Rest,
    a.Swept,
    a.Release,
    a.Approve,
    a.RollBack,
    a.Signal,
    a.Hold,
    a.Stop,
)


@dataclass(frozen=True)
class Step:
    fault: str = ""
    which: int = 0
    how: int = 0
    wanted: Wanted | None = None
    passes: int = 1
    stops_after: int | None = None
    """The last pass breaks off after so many actions."""
    dies: bool = False
    """Because the daemon dies there, with nothing of that pass recorded; else because tmux does not answer,
    and that is after all that does not need it."""


def wanted_of(
    groups: dict[str, WantedGroup],
    inboxes: set[str],
    outboxes: set[str],
    shared: set[str],
) -> Wanted:
    shared = {name for name in shared & groups.keys() if groups[name].takes_tasks}
    groups = {
        name: msgspec.structs.replace(g, fingerprint=g.fingerprint + ",layout", spares=0)
        if name in shared
        else g
        for name, g in groups.items()
    }
    return Wanted(
        groups=groups,
        inboxes=frozenset(inboxes),
        outboxes=frozenset(outboxes - inboxes),
        shared=frozenset(shared),
    )


COMES_AFTER: dict[str, tuple[str, ...]] = {
    "check": (),
    "echo": ("check",),
    "shell": ("check", "echo"),
}
CONDITIONS: tuple[Condition, ...] = ("ready", "started", "healthy")
ROLLOUTS = st.builds(
    RolloutRules,
    max_unavailable=st.sampled_from([1, 2, 0]),
    surge=st.sampled_from([0, 1, 2]),
    canary=st.sampled_from([0, 1, 2]),
    canary_for=st.sampled_from([5.0, 0.2]),
    healthy_for=st.sampled_from([0.5, 0.0, 3.0]),
    pause=st.sampled_from([0.0, 2.0]),
    rollback=st.booleans(),
)


MEMORIES = st.sampled_from(
    [
        MemoryRules(),
        MemoryRules(warn=20, recycle=50, samples=1, deadline=1.0),
        MemoryRules(recycle=50, kill=200, samples=2, deadline=None),
        MemoryRules(kill=80, samples=1),
        MemoryRules(total=ThresholdRules(recycle=100, kill=250, samples=1)),
        MemoryRules(recycle=5, samples=1),
    ]
)
"""A run uses 10 at its least; the last one is below that."""


def groups(name: str) -> st.SearchStrategy[WantedGroup]:
    kinds = st.just(name != "shell") if name != "echo" else st.booleans()
    after = [(other, how) for other in COMES_AFTER[name] for how in CONDITIONS]
    return st.builds(
        lambda takes, count, version, stop, rollout, after, checked, spares, memory, age: (
            WantedGroup(
                count=count,
                takes_tasks=takes,
                fingerprint=fingerprint(takes, version),
                stop=StopRules(after=stop),
                rollout=rollout,
                after=after,
                checked=checked,
                heals=checked,
                spares=spares,
                memory=memory,
                age=age,
            )
        ),
        kinds,
        st.sampled_from([2, 3, 1, 0, 4]),
        st.integers(0, 2),
        st.sampled_from([0.2, 2.0]),
        ROLLOUTS,
        st.lists(st.sampled_from(after), max_size=1).map(tuple) if after else st.just(()),
        st.booleans(),
        st.sampled_from([0, 1, 0, 2]),
        MEMORIES,
        st.sampled_from([AgeRules(), AgeRules(max_tasks=6)]),
    )


WANTED = st.builds(
    wanted_of,
    st.fixed_dictionaries({}, optional={n: groups(n) for n in ("check", "echo", "shell")}),
    st.sets(st.sampled_from(["tasks", "jobs"])),
    st.sets(st.sampled_from(["tasks", "results"])),
    st.sets(st.sampled_from(["check", "echo"])),
)
NUMBER = st.integers(0, 7)
PASSES_AFTER = st.sampled_from([1, 0, 2, 4])
FAULT = st.builds(Step, st.sampled_from(sorted(FAULTS)), NUMBER, NUMBER, passes=PASSES_AFTER)
EDIT = st.builds(Step, wanted=WANTED, passes=PASSES_AFTER)
BREAK = st.builds(
    Step,
    st.sampled_from(sorted(FAULTS)),
    NUMBER,
    NUMBER,
    passes=st.sampled_from([0, 1]),
    stops_after=NUMBER,
    dies=st.booleans(),
)
MEMORY = st.builds(
    Step, st.sampled_from([f.__name__ for f in OF_MEMORY]), NUMBER, NUMBER, passes=PASSES_AFTER
)
STEPS = st.one_of(
    st.lists(st.one_of(FAULT, FAULT, FAULT, FAULT, EDIT, BREAK), min_size=12, max_size=24),
    st.lists(st.one_of(MEMORY, MEMORY, MEMORY, MEMORY, FAULT, BREAK), min_size=12, max_size=24),
)


def one_pass(world: World, stops_after: int | None = None, *, dies: bool = False) -> Plan:
    before, seen = world.history, world.observe()
    made = plan(world.wanted, seen, before, world.now)
    check(world, seen, before, made)
    journal = dict(world.journal)
    if stops_after is not None and not dies:
        stops_after += sum(isinstance(x, NEEDS_NO_TMUX) for x in made.actions)
    world.perform(made, stops_after)
    if dies:
        world.restart_daemon(journal)
    if not world.sluggish:
        world.say_ready()
    return made


def take(world: World, step: Step) -> None:
    if step.wanted is not None:
        world.want(step.wanted)
    if step.fault:
        FAULTS[step.fault](world, step.which, step.how)
    for _ in range(step.passes):
        made = one_pass(world)
        if made.wake_at is not None:
            world.now = max(world.now, made.wake_at)
    if step.stops_after is not None:
        one_pass(world, step.stops_after, dies=step.dies)


def settle(world: World) -> None:
    calm(world)
    world.say_ready()
    for _ in range(PASSES):
        made = one_pass(world)
        calm(world)
        ended = world.finish_tasks()
        if not ended and not made.actions and made.wake_at is None and not made.pending:
            break
        world.now = max(world.now, world.now if made.wake_at is None else made.wake_at)
    else:
        raise AssertionError(f"not at rest: {made.actions}, {made.pending}, wake {made.wake_at}")
    world.now += 1000.0
    before, seen = world.history, world.observe()
    again = plan(world.wanted, seen, before, world.now)
    assert (again.actions, again.pending, again.wake_at, again.history) == ((), {}, None, before)


def is_as_wanted(world: World) -> None:
    """The settled world, looked at without the planner's eyes."""
    wanted = {} if world.down else world.wanted.groups
    up: dict[str, int] = dict.fromkeys(wanted, 0)
    spares: dict[str, int] = dict.fromkeys(wanted, 0)
    stopped = {w for w, intent in world.intents.items() if intent.stopped}
    for session in world.sessions.values():
        if not session.worker:
            assert session.pid in world.procs, "a session that is not ours was touched"
            continue
        group, number = split(session.worker)
        if number > 0:
            up[group] += 1
        else:
            spares[group] += 1
        if session.worker in stopped:
            assert session.worker not in world.live
            continue
        live = world.live[session.worker]
        assert number
        assert (session.name, session.piped, session.dead) == (session.worker, True, False)
        assert (live.run, live.pid) == (session.run, session.pid)
        assert session.fingerprint == wanted[group].fingerprint
        assert live.ready or not live.takes_tasks
        assert live.adopted
        assert not live.cut_off
        paused = world.intents.get(session.worker, Intent()).paused and live.takes_tasks
        assert (session.worker in world.holds) == paused
    there = {s.worker for s in world.sessions.values()}
    for name, want in wanted.items():
        gone = {w for w in stopped - there if split(w)[0] == name}
        assert up[name] <= want.count <= up[name] + len(gone)
        of_use = any(split(w)[0] == name and split(w)[1] > 0 for w in world.live)
        assert spares[name] == (want.spares if of_use else 0)
    assert set(world.live) == {s.worker for s in world.sessions.values() if s.worker} - stopped
    assert not world.ended
    if not world.down:
        takers = {w for w, live in world.live.items() if live.takes_tasks}
        assert takers <= world.pipes <= takers | stopped
        assert world.inboxes == world.wanted.inboxes
        assert world.outboxes == world.wanted.outboxes
        assert world.shared == world.wanted.shared
        _is_approved(world, stopped)


def _is_approved(world: World, stopped: set[str]) -> None:
    """What has run well everywhere is what its group would go back to."""
    for name, group in world.wanted.groups.items():
        runs = any(split(w)[0] == name and not is_spare(w) for w in world.live.keys() - stopped)
        assert not runs or group.approved == group.fingerprint


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WANTED, STEPS, st.booleans())
def test_every_pass_keeps_the_rules_and_the_fleet_comes_to_rest(
    wanted: Wanted, steps: list[Step], down: bool
) -> None:
    world = World()
    world.want(wanted)
    settle(world)
    is_as_wanted(world)
    FAULTS["sample"](world, 0, 1)  # those that run are known to use little
    for step in steps:
        take(world, step)
    world.down = down
    allow_memory(world)
    settle(world)
    is_as_wanted(world)
