"""One worker that ends again and again, however it ends and whatever its policy: the planner starts it when it may,
and not before; it rests when it must, says so once, and comes back when its spec changes."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tmaxd.plan import actions as a
from tmaxd.plan.history import History, Slot
from tmaxd.plan.observed import Observed, Run, Seen
from tmaxd.plan.plan import plan
from tmaxd.plan.reasons import SPENDS_BUDGET
from tmaxd.plan.rules import BackoffRules, LimitRules, RestartRules
from tmaxd.plan.wanted import Wanted, WantedGroup

WORKER = "w-1"
LIVES = 60
"""A worker that is started so often has come as far as it will."""


@dataclass(frozen=True)
class Life:
    """A run: how long it was up, and how it ended. `gone`: with its session."""

    up: float
    status: int | None = None
    signal: int | None = None
    gone: bool = False


@dataclass
class World:
    rules: RestartRules
    fingerprint: str = "one"
    now: float = 1000.0
    history: History = field(default_factory=History)
    seen: Seen | None = None
    run: Run | None = None
    serial: int = 0
    actions: list[a.AnyAction] = field(default_factory=list)
    """Of all passes since somebody last looked."""

    def passes(self) -> None:
        """Until the planner waits for nothing but the end of what lives. The clock follows its wishes."""
        while True:
            group = WantedGroup(
                count=1, takes_tasks=False, fingerprint=self.fingerprint, restart=self.rules
            )
            there = Observed(
                server=True,
                seen={WORKER: self.seen} if self.seen else {},
                runs={WORKER: self.run} if self.run else {},
                trees=dict.fromkeys(self.history.sweeps, frozenset()),
            )
            step = plan(Wanted(groups={"w": group}), there, self.history, self.now)
            self.history = step.history
            for action in step.actions:
                self._perform(action)
            self.actions += step.actions
            if any(isinstance(x, a.Start) for x in step.actions):
                return
            if step.wake_at is None:
                assert not step.actions
                return
            assert step.wake_at >= self.now
            assert step.actions or step.wake_at > self.now
            self.now = step.wake_at

    def _perform(self, action: a.AnyAction) -> None:
        if isinstance(action, a.Start):
            self.serial += 1
            run = f"r{self.serial}"
            self.run = Run(run=run, alive=True, started=self.now)
            self.seen = Seen(
                session_id="$1", session=WORKER, pane_id="%1", run=run, alive=True, piped=True
            )
        elif isinstance(action, a.End):
            self.run = None

    def live(self, life: Life) -> None:
        assert self.run is not None
        assert self.seen is not None
        self.now += life.up
        self.run = msgspec.structs.replace(self.run, alive=False)
        dead = msgspec.structs.replace(
            self.seen, alive=False, status=life.status, signal=life.signal
        )
        self.seen = None if life.gone else dead

    def slot(self) -> Slot:
        return self.history.slots.get(WORKER, Slot())

    def told(self, kind: type[a.Action]) -> list[a.AnyAction]:
        return [x for x in self.actions if isinstance(x, kind)]


STATUS = st.sampled_from([0, 1, 2, 3])
SIGNAL = st.sampled_from([9, 11, 15])
UP = st.sampled_from([0.0, 0.4, 3.0, 9.5, 10.5, 45.0, 700.0])
LIFE = st.one_of(
    st.builds(Life, UP, status=STATUS),
    st.builds(Life, UP, signal=SIGNAL),
    st.builds(Life, UP, gone=st.just(True)),
)
ENDS = st.frozensets(st.sampled_from([0, 1, 2, 3, -9, -11, -15]), max_size=3)
RULES = st.builds(
    RestartRules,
    policy=st.sampled_from(["always", "on_failure", "never"]),
    success=ENDS,
    failure=ENDS,
    permanent=st.one_of(st.just(frozenset[int]()), ENDS),
    backoff=st.builds(
        BackoffRules,
        first=st.sampled_from([0.0, 0.2, 5.0]),
        factor=st.sampled_from([1.0, 2.0, 10.0]),
        max=st.sampled_from([60.0, 5.0]),
        jitter=st.sampled_from([0.0, 0.1, 1.0]),
    ),
    limit=st.one_of(
        st.none(),
        st.builds(
            LimitRules,
            crashes=st.integers(1, 4),
            within=st.sampled_from([5.0, 60.0, 3600.0]),
            retry_every=st.sampled_from([None, 600.0, 30.0]),
        ),
    ),
)


def verdict(life: Life, rules: RestartRules) -> str:
    """The words of the spec, in their order."""
    how = life.status if life.signal is None else -life.signal
    for name in ("permanent", "failure", "success"):
        if how is not None and how in getattr(rules, name):
            return name
    return "failure"


def must_rest(life: Life, rules: RestartRules, failures: list[float]) -> str | None:
    word = "failure" if life.gone else verdict(life, rules)
    if word == "success":
        return None if rules.policy == "always" else "finished"
    if word == "permanent" or rules.policy == "never":
        return "failed"
    if rules.limit is None or rules.limit.retry_every is not None or life.gone:
        return None
    return "crash_limit" if _too_many(rules.limit, failures) else None


def _too_many(limit: LimitRules, failures: list[float]) -> bool:
    recent = [at for at in failures if failures[-1] - at < limit.within] if failures else []
    return len(recent) >= limit.crashes


@settings(max_examples=300, deadline=None)
@given(RULES, st.lists(LIFE, min_size=1, max_size=LIVES))
def test_a_worker_is_started_when_its_policy_says_and_rests_when_it_must(
    rules: RestartRules, lives: list[Life]
) -> None:
    world, failures, row = World(rules), list[float](), 0
    world.passes()
    assert world.serial == 1
    for life in lives:
        world.live(life)
        world.actions, ended_at = [], world.now
        own = not life.gone
        if own:
            row = 1 if life.up >= rules.backoff.reset_after else row + 1
            if verdict(life, rules) != "success":
                failures.append(ended_at)
        before = world.slot()
        world.passes()
        (end,) = world.told(a.End)
        assert (end.reason in SPENDS_BUDGET) == own
        why = must_rest(life, rules, failures)
        assert world.slot().rest == why
        if why is not None:
            assert [x.reason for x in world.told(a.Rest)] == [why]
            assert not world.told(a.Start)
            break
        assert len(world.told(a.Start)) == 1
        waited = world.now - ended_at
        if not own:
            assert waited == 0.0
            assert world.slot().crashes == before.crashes
        elif world.slot().quarantined:
            assert rules.limit is not None
            assert waited == pytest.approx(rules.limit.retry_every)
        else:
            _is_due(rules.backoff, row, waited)
        quarantined = world.slot().quarantined and not before.quarantined
        assert len(world.told(a.Rest)) == quarantined
    _comes_back_when_changed(world)


def _is_due(backoff: BackoffRules, row: int, waited: float) -> None:
    if row == 1:
        wait = min(backoff.first, backoff.max)
    else:
        wait = max(backoff.first, 0.5)
        for _ in range(row - 2):
            wait = min(wait * backoff.factor, backoff.max)
        wait = min(wait, backoff.max)
    assert wait - 1e-6 <= waited <= wait * (1.0 + backoff.jitter) + 1e-6


def _comes_back_when_changed(world: World) -> None:
    """Whatever it did, another command is started without delay, and with nothing held against it."""
    if world.run is not None:
        return
    since, world.actions = world.now, []
    world.now += 5.0
    world.passes()
    assert not world.actions, "what rests goes on resting, and says nothing more"
    world.fingerprint = "two"
    if world.seen is not None:
        world.seen = msgspec.structs.replace(world.seen, drift=("command",))
    elif world.slot().tried == "":
        return  # nothing is left from which the change could be seen
    world.passes()
    (start,) = world.actions
    assert isinstance(start, a.Start)
    assert (start.reason, world.now) == ("spec_changed", since + 5.0)
    assert (world.slot().crashes, world.slot().crashed_at, world.slot().rest) == (0, (), None)
