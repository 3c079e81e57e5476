"""The order in which a pass's actions are performed."""

from __future__ import annotations

import random
from typing import get_args

from tmaxd.plan import actions as a
from tmaxd.plan.order import PHASES, in_order


def test_every_action_has_its_phase() -> None:
    assert set(PHASES) == set(get_args(a.AnyAction))
    assert len(PHASES) == len(set(PHASES))


def test_an_end_makes_room_before_something_begins() -> None:
    phase = PHASES.index
    assert phase(a.End) < phase(a.Swept) < phase(a.AddPipes) < phase(a.Start)
    assert phase(a.Hold) < phase(a.Stop)
    assert phase(a.RemoveSession) < phase(a.RemovePipes) < phase(a.AddPipes)
    assert phase(a.Swept) < phase(a.RemoveShared) < phase(a.AddShared) < phase(a.Start)
    assert phase(a.RemoveInbox) < phase(a.AddOutbox)
    assert phase(a.RemoveOutbox) < phase(a.AddInbox)
    assert phase(a.Start) < phase(a.Rename)
    assert phase(a.LogTo) < phase(a.RemoveSession)


def test_what_tmux_must_answer_comes_after_what_is_remembered_as_done() -> None:
    """A pass breaks off where tmux does not answer. An end, a sweep or a stop that was planned is remembered, so
    it must have been performed by then; everything behind is planned anew from what is seen."""
    asks_tmux = {a.Nudge, a.RemoveSession, a.Start, a.Rename, a.LogTo}
    remembered = {a.End, a.Swept, a.Signal, a.Hold, a.Stop}
    assert max(map(PHASES.index, remembered)) < min(map(PHASES.index, asks_tmux))


def test_by_phase_then_group_then_number() -> None:
    def hold(worker: str) -> a.Hold:
        return a.Hold(worker=worker, reason="down", held=True)

    def nudge(worker: str) -> a.Nudge:
        return a.Nudge(worker=worker, reason="crashed")

    wished: list[a.AnyAction] = [
        hold("a-2"),
        hold("a-10"),
        hold("a-b-1"),
        hold("b-1"),
        nudge("a-1"),
    ]
    for seed in range(20):
        mixed = random.Random(seed).sample(wished, len(wished))
        assert in_order(mixed) == tuple(wished)


def test_actions_on_one_worker_keep_the_order_in_which_the_rules_put_them_down() -> None:
    first = a.Swept(worker="a-1", reason="leftover", run="z")
    second = a.Swept(worker="a-1", reason="leftover", run="b")
    assert in_order([first, second]) == (first, second)
