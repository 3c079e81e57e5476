"""When a task is tried again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tmaxd.tasks.policy import JITTER, GroupPolicy, retry_delay
from tmaxd.tasks.records import Outcome

OUTCOMES: list[Outcome] = ["failed", "temporary", "timeout", "lost", "unsent", "returned"]


def tries(policy: GroupPolicy, outcome: Outcome) -> int:
    attempt = 1
    while attempt < 200 and retry_delay(policy, outcome, attempt, 1) is not None:
        attempt += 1
    return attempt


@pytest.mark.parametrize(
    ("attempts", "outcome", "expected"),
    [
        (1, "failed", 1), (1, "timeout", 1), (1, "temporary", 3), (1, "lost", 3), (1, "unsent", 200),
        (5, "failed", 5), (5, "timeout", 5), (5, "temporary", 5), (5, "lost", 5), (5, "unsent", 200),
        (1, "returned", 200),
    ],
)  # fmt: skip
def test_limits(attempts: int, outcome: Outcome, expected: int) -> None:
    assert tries(GroupPolicy(attempts=attempts), outcome) == expected


@pytest.mark.parametrize(
    ("outcome", "attempt", "expected"),
    [
        ("failed", 1, 2.0), ("failed", 2, 4.0), ("failed", 3, 8.0), ("failed", 4, 10.0),
        ("temporary", 1, 2.0), ("timeout", 2, 4.0),
        ("lost", 1, 0.0), ("lost", 2, 2.0), ("lost", 3, 4.0), ("unsent", 7, 0.0),
    ],
)  # fmt: skip
def test_delays_double_up_to_the_cap(outcome: Outcome, attempt: int, expected: float) -> None:
    policy = GroupPolicy(attempts=50, backoff_first=2.0, backoff_max=10.0)
    delay = retry_delay(policy, outcome, attempt, 12)
    assert delay is not None
    assert expected <= delay <= expected * (1 + JITTER)


@given(
    st.sampled_from(OUTCOMES),
    st.integers(1, 5000),
    st.integers(1, 2**60),
    st.floats(0, 1e9),
    st.floats(0, 1e9),
)
def test_a_delay_is_never_more_than_the_cap_and_its_jitter(
    outcome: Outcome, attempt: int, task: int, first: float, cap: float
) -> None:
    policy = GroupPolicy(attempts=10_000, backoff_first=first, backoff_max=cap)
    delay = retry_delay(policy, outcome, attempt, task)
    assert delay is not None
    assert 0 <= delay <= cap * (1 + JITTER)
    assert delay == retry_delay(policy, outcome, attempt, task)


def test_tasks_that_fail_together_do_not_return_together() -> None:
    policy = GroupPolicy(attempts=2, backoff_first=10.0)
    delays = [retry_delay(policy, "failed", 1, task) or 0.0 for task in range(1, 101)]
    assert len({round(delay, 2) for delay in delays}) > 50
    assert max(delays) - min(delays) > 0.9
