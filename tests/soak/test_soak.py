"""The short form of the crash suite: 5,000 tasks, and the daemon dead at every named fail point."""

from __future__ import annotations

import pytest

from tests.soak.run import run

TASKS = 5000
SEED = 7


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_every_accepted_task_ends_once_and_is_never_with_two_workers() -> None:
    outcome = run(SEED, TASKS, 0, lambda _: None)
    assert not outcome.broken, outcome.summary()
    assert not outcome.missing, outcome.summary()
    assert outcome.tasks >= TASKS
    assert outcome.in_hand, "no task was in hand when a daemon died: the storm aims badly"
