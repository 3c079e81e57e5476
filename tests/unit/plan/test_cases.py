"""Every case of `tests/plan_cases/`: the plan is what the case says, and carried out it leads to rest."""

from __future__ import annotations

import msgspec
import pytest

from tests.unit.plan.case_files import Case, Raw, Step, members, read_all, remembered
from tmaxd.plan.actions import AnyAction
from tmaxd.plan.history import History
from tmaxd.plan.plan import Plan, plan
from tmaxd.plan.preview import World
from tmaxd.plan.reasons import REASONS

CASES = read_all()
PASSES = 400
"""Far more than any case needs to come to rest."""


@pytest.mark.parametrize("case", [case for _, case in CASES], ids=[name for name, _ in CASES])
def test_case(case: Case) -> None:
    history = History()
    for number, step in enumerate(case.play(), start=1):
        history = remembered(history, step.remember)
        made = plan(step.wanted, step.observed, history, step.now)
        _compare(made, step, f"step {number}")
        history = made.history
        last = step, made
    if case.settles:
        _comes_to_rest(*last, case)


def test_names_are_unique() -> None:
    names = [name for name, _ in CASES]
    assert sorted(set(names)) == sorted(names)


def _compare(made: Plan, step: Step, where: str) -> None:
    expect = step.expect
    assert [_shown(x, y) for x, y in _pairs(made.actions, expect["actions"])] == [
        _wished(raw) for raw in expect["actions"]
    ], where
    assert {action.reason for action in made.actions} <= REASONS
    if "wake_at" in expect:
        assert made.wake_at == (
            None if expect["wake_at"] is None else pytest.approx(expect["wake_at"])
        ), where
    if "pending" in expect:
        assert made.pending == expect["pending"], where
    if "waits" in expect:
        assert made.waits == expect["waits"], where
    if "blocked" in expect:
        assert made.blocked == expect["blocked"], where
    if "slots" in expect:
        assert {group: sorted(numbers) for group, numbers in made.slots.items()} == expect["slots"]
    if "counted" in expect:
        whole = msgspec.json.decode(msgspec.json.encode(made.history.memory))
        assert _as_far_as(expect["counted"], whole) == expect["counted"], where
    if "memory" in expect:
        _compare_memory(made.history, expect["memory"], where)


def _pairs(actions: tuple[AnyAction, ...], wished: list[Raw]) -> list[tuple[AnyAction, Raw]]:
    """Each action with the wish at its place, so that only the fields that the wish names are shown."""
    padded = [*wished, *([{}] * len(actions))]
    return list(zip(actions, padded, strict=False))


def _shown(action: AnyAction, wish: Raw) -> Raw:
    whole = {"do": action.__struct_config__.tag, **msgspec.structs.asdict(action)}
    return {key: whole.get(key, "<no such field>") for key in ("do", "worker", "reason", *wish)}


def _wished(raw: Raw) -> Raw:
    wish = dict(raw)
    if "members" in wish:
        wish["members"] = tuple(sorted(members(wish["members"])))
    for key in ("fields", "keys", "workers", "left"):
        if key in wish:
            wish[key] = tuple(wish[key])
    return wish


def _compare_memory(history: History, wish: Raw, where: str) -> None:
    """Slots and sweeps as far as the wish names their fields; null: nothing is remembered."""
    for key, entries in wish.items():
        held = getattr(history, key)
        for name, fields in entries.items():
            if fields is None:
                assert name not in held, where
            else:
                whole = msgspec.json.decode(msgspec.json.encode(held[name]))
                assert _as_far_as(fields, whole) == fields, where


def _as_far_as(wish: Raw, whole: Raw) -> Raw:
    """The fields that the wish names; `{}` stands for nothing at all."""
    return {
        key: _as_far_as(part, whole[key])
        if part and isinstance(part, dict) and isinstance(whole[key], dict)
        else whole[key]
        for key, part in wish.items()
    }


def _comes_to_rest(step: Step, made: Plan, case: Case) -> None:
    world, now = World(step.observed), step.now
    world.look_at(made.history)
    for _ in range(PASSES):
        if not made.actions and made.wake_at is None:
            break
        for action in made.actions:
            world.apply(action, now)
        now = max(now, now if made.wake_at is None else made.wake_at)
        made = plan(step.wanted, world.observed(), made.history, now)
    else:
        pytest.fail(f"not at rest after {PASSES} passes: {made.actions}, {made.pending}")
    assert made.pending == {}
    again = plan(step.wanted, world.observed(), made.history, now + 3600.0)
    assert (again.actions, again.pending, again.wake_at) == ((), {}, None)
    assert again.history == made.history
    if not step.observed.down:
        assert world.outboxes == set(step.wanted.outboxes)
        assert world.shared == set(step.wanted.shared)
    if case.finally_up is not None:
        assert sorted(world.runs) == sorted(case.finally_up)
        assert sorted(world.seen) == sorted(case.finally_up + case.resting)
