"""The short form of the soak of leaking workers."""

from __future__ import annotations

import pytest

from tests.soak.leaks import run


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_leaking_workers_stay_within_their_limit_and_lose_no_task() -> None:
    outcome = run(8000)
    assert not outcome.broken, outcome.summary()
