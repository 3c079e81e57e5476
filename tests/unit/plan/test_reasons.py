"""The fixed words: which ends blame the worker, and which excuse its tasks."""

from __future__ import annotations

from tmaxd.plan.reasons import ASKED_FOR, EXCUSES_TASKS, REASONS, SPENDS_BUDGET
from tmaxd.plan.slots import LEAVING
from tmaxd.plan.starts import NEVER_OVERLAP


def test_every_set_is_made_of_the_words() -> None:
    for words in (SPENDS_BUDGET, ASKED_FOR, EXCUSES_TASKS, NEVER_OVERLAP, LEAVING):
        assert words <= REASONS


def test_a_worker_s_own_fault_is_nobody_s_wish_and_no_excuse() -> None:
    assert not SPENDS_BUDGET & ASKED_FOR
    assert not SPENDS_BUDGET & EXCUSES_TASKS


def test_whoever_is_stopped_does_not_meet_its_successor_and_only_then() -> None:
    """A worker that is not ready in time, or unhealthy, is at fault and stopped all the same."""
    assert ASKED_FOR <= NEVER_OVERLAP
    assert {"not_ready", "unhealthy"} == SPENDS_BUDGET & NEVER_OVERLAP


def test_a_silent_worker_costs_its_tasks_an_attempt_and_itself_nothing() -> None:
    """What it had begun may be what silenced it, as with a task past its timeout."""
    assert "silent" not in EXCUSES_TASKS | SPENDS_BUDGET
    assert "silent" in NEVER_OVERLAP


def test_whoever_is_let_go_does_not_meet_its_successor() -> None:
    assert LEAVING <= NEVER_OVERLAP
