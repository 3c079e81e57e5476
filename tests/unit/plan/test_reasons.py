"""The fixed words: which ends blame the worker, and which excuse its tasks."""

from __future__ import annotations

from tmaxd.plan.reasons import (
    ASKED_FOR,
    EXCUSES_TASKS,
    FOR_MEMORY,
    REASONS,
    RECYCLES,
    SAVES_MEMORY,
    SPENDS_BUDGET,
)
from tmaxd.plan.slots import LEAVING
from tmaxd.plan.starts import NEVER_OVERLAP


def test_every_set_is_made_of_the_words() -> None:
    sets = (SPENDS_BUDGET, ASKED_FOR, EXCUSES_TASKS, NEVER_OVERLAP, LEAVING, FOR_MEMORY, RECYCLES)
    for words in sets:
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


def test_a_fresh_run_in_place_of_a_good_one_costs_neither_worker_nor_task() -> None:
    assert RECYCLES <= ASKED_FOR & EXCUSES_TASKS & NEVER_OVERLAP
    assert SAVES_MEMORY < RECYCLES
    assert not RECYCLES & SPENDS_BUDGET


def test_an_end_for_want_of_memory_is_no_crash_and_may_be_the_task_s_doing() -> None:
    assert not FOR_MEMORY & (SPENDS_BUDGET | EXCUSES_TASKS | ASKED_FOR)
    assert FOR_MEMORY <= NEVER_OVERLAP
