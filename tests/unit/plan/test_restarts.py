"""What an end means: what the spec calls it, how long the next start waits, and what it leaves in the slot."""

from __future__ import annotations

import pytest

from tmaxd.plan.history import LastExit, Slot, Stopping
from tmaxd.plan.observed import Run
from tmaxd.plan.reasons import ASKED_FOR, FOR_MEMORY, REASONS, SPENDS_BUDGET, Reason
from tmaxd.plan.restarts import after_end, delay, good_time, judge, natural_end, rest
from tmaxd.plan.rules import BackoffRules, LimitRules, RestartRules

NOW = 100.0
PLAIN = BackoffRules(jitter=0.0)
ALWAYS = RestartRules(backoff=PLAIN)
ON_FAILURE = RestartRules(policy="on_failure", backoff=PLAIN)
NEVER = RestartRules(policy="never", backoff=PLAIN)
ODD = RestartRules(
    success=frozenset({0, 3, -15}),
    failure=frozenset({3, 4}),
    permanent=frozenset({2, 3, -9}),
)
"""In which the status 3 stands in all three."""


def ended(
    reason: Reason, status: int | None = None, signal: int | None = None, at: float = NOW
) -> LastExit:
    return LastExit(reason=reason, status=status, signal=signal, at=at)


def limited(crashes: int, within: float = 60.0, every: float | None = None) -> RestartRules:
    limit = LimitRules(crashes=crashes, within=within, retry_every=every)
    return RestartRules(backoff=PLAIN, limit=limit)


@pytest.mark.parametrize(
    ("crashes", "seconds"),
    [(0, 0), (1, 0), (2, 0.5), (3, 1), (4, 2), (5, 4), (8, 32), (9, 60), (10, 60)],
)
def test_delay(crashes: int, seconds: float) -> None:
    assert delay(crashes, PLAIN, "a-1") == seconds


@pytest.mark.parametrize(
    ("rules", "seconds"),
    [
        (BackoffRules(first=0.0, factor=1.0, max=60.0, jitter=0.0), [0.0, 0.5, 0.5, 0.5]),
        (BackoffRules(first=2.0, factor=3.0, max=15.0, jitter=0.0), [2.0, 2.0, 6.0, 15.0]),
        (BackoffRules(first=0.1, factor=2.0, max=0.3, jitter=0.0), [0.1, 0.3, 0.3, 0.3]),
        (BackoffRules(first=9.0, factor=2.0, max=5.0, jitter=0.0), [5.0, 5.0, 5.0, 5.0]),
        (BackoffRules(first=0.0, factor=1e308, max=60.0, jitter=0.0), [0.0, 0.5, 60.0, 60.0]),
    ],
)
def test_delays_are_data(rules: BackoffRules, seconds: list[float]) -> None:
    assert [delay(n, rules, "a-1") for n in (1, 2, 3, 4)] == seconds


def test_delay_never_shrinks_and_has_a_bound() -> None:
    delays = [delay(n, PLAIN, "a-1") for n in range(10_000)]
    assert delays == sorted(delays)
    assert delays[-1] == PLAIN.max


def test_jitter_lengthens_by_a_part_that_is_another_for_each_worker_and_always_the_same() -> None:
    rules = BackoffRules(first=1.0, jitter=0.5)
    delays = [delay(3, rules, f"check-{n}") for n in range(1, 101)]
    assert delays == [delay(3, rules, f"check-{n}") for n in range(1, 101)]
    assert min(delays) >= 2.0
    assert max(delays) <= 3.0
    assert max(delays) - min(delays) > 0.8
    assert len(set(delays)) == 100
    assert delay(1, BackoffRules(), "check-1") == 0.0


@pytest.mark.parametrize(
    ("status", "signal", "verdict"),
    [
        (0, None, "success"),
        (1, None, "failure"),
        (2, None, "permanent"),
        (3, None, "permanent"),
        (4, None, "failure"),
        (None, 15, "success"),
        (None, 9, "permanent"),
        (None, 11, "failure"),
        (0, 11, "failure"),
        (9, None, "failure"),
        (15, None, "failure"),
        (None, None, "failure"),
    ],
)
def test_an_end_is_looked_up_as_permanent_then_failure_then_success(
    status: int | None, signal: int | None, verdict: str
) -> None:
    assert judge(status, signal, ODD) == verdict
    crashed = natural_end(status, signal, ODD) == "crashed"
    assert crashed == (verdict != "success")


def test_what_counts_as_success_may_be_a_failure_too() -> None:
    rules = RestartRules(success=frozenset({0, 5}), failure=frozenset({5}))
    assert judge(5, None, rules) == "failure"


@pytest.mark.parametrize(
    ("rules", "last", "why"),
    [
        (ALWAYS, ended("exited", 0), None),
        (ALWAYS, ended("crashed", 1), None),
        (ON_FAILURE, ended("exited", 0), "finished"),
        (ON_FAILURE, ended("crashed", 1), None),
        (ON_FAILURE, ended("start_failed"), None),
        (ON_FAILURE, ended("not_ready", signal=15), None),
        (ON_FAILURE, ended("ended_while_down", 0), "finished"),
        (ON_FAILURE, ended("ended_while_down"), None),
        (ON_FAILURE, ended("session_killed"), None),
        (ON_FAILURE, ended("mass_death", signal=9), None),
        (NEVER, ended("exited", 0), "finished"),
        (NEVER, ended("crashed", 1), "failed"),
        (NEVER, ended("start_failed"), "failed"),
        (NEVER, ended("ended_while_down", 0), "finished"),
        (NEVER, ended("ended_while_down"), "failed"),
        (NEVER, ended("server_died"), "failed"),
        (NEVER, ended("unhealthy", 0), "failed"),
        (NEVER, ended("silent", signal=15), "failed"),
        (ODD, ended("crashed", 2), "failed"),
        (ODD, ended("ended_while_down", 2), "failed"),
        # How it ended then is our doing, or another's, and not the program's word.
        (ODD, ended("mass_death", signal=9), None),
        (ODD, ended("silent", signal=9), None),
        (ODD, ended("unhealthy", signal=9), None),
    ],
)
def test_who_rests(rules: RestartRules, last: LastExit, why: str | None) -> None:
    assert rest(last, (), rules) == why


@pytest.mark.parametrize("reason", sorted(ASKED_FOR))
def test_no_policy_is_asked_about_a_stop_that_somebody_wanted(reason: Reason) -> None:
    for rules in (ALWAYS, ON_FAILURE, NEVER, limited(1)):
        assert rest(ended(reason, 0), (NOW, NOW), rules) is None


@pytest.mark.parametrize("reason", sorted(REASONS))
def test_only_its_own_fault_counts(reason: Reason) -> None:
    slot = after_end(Slot(crashes=2), ended(reason, 1), limited(9), "a-1", up=1.0)
    if reason not in SPENDS_BUDGET:
        assert (slot.crashes, slot.next_start, slot.crashed_at) == (2, None, ())
        assert slot.starved == (reason in FOR_MEMORY)
    else:
        assert slot.crashes == 3
        assert slot.next_start == NOW + (2.0 if reason == "start_failed" else 1.0)
        assert slot.crashed_at == (() if reason == "exited" else (NOW,))


@pytest.mark.parametrize("reason", sorted(FOR_MEMORY))
def test_ends_for_want_of_memory_cost_delay_and_no_budget(reason: Reason) -> None:
    slot = Slot()
    for due in (None, NOW + 0.5, NOW + 1.0, NOW + 2.0):
        slot = after_end(slot, ended(reason, signal=9), limited(1), "a-1", up=1.0)
        assert slot.next_start == due
        assert (slot.crashes, slot.crashed_at, slot.quarantined, slot.rest) == (0, (), False, None)
    assert after_end(slot, ended(reason, signal=9), limited(1), "a-1", up=10.0).next_start is None


@pytest.mark.parametrize(("up", "crashes"), [(10.0, 1), (9.99, 6), (0.0, 6)])
def test_a_good_time_forgets_earlier_crashes(up: float, crashes: int) -> None:
    assert after_end(Slot(crashes=5), ended("crashed"), ALWAYS, "a-1", up=up).crashes == crashes


def test_a_good_time_begins_when_the_worker_is_ready() -> None:
    run = Run(run="r", alive=False, started=10.0)
    assert good_time(run, NOW) == 90.0
    late = Run(run="r", alive=False, started=10.0, ready_at=80.0)
    assert good_time(late, NOW) == 20.0
    never = Run(run="r", alive=False, started=10.0, ready=False)
    assert good_time(never, NOW) == 0.0


def test_a_start_that_fails_never_has_the_free_first_try() -> None:
    assert after_end(Slot(), ended("start_failed"), ALWAYS, "a-1").next_start == NOW + 0.5
    assert after_end(Slot(), ended("crashed", 1), ALWAYS, "a-1").next_start == NOW


def test_the_limit_counts_crashes_within_its_time_and_then_it_stays_down() -> None:
    rules, slot = limited(3, within=60.0), Slot()
    for at, counted, why in (
        (0.0, (0.0,), None),
        (50.0, (0.0, 50.0), None),
        (60.0, (50.0, 60.0), None),  # the first is too old by now
        (61.0, (50.0, 60.0, 61.0), "crash_limit"),
    ):
        slot = after_end(slot, ended("crashed", 1, at=at), rules, "a-1", up=30.0)
        assert (slot.crashed_at, slot.rest) == (counted, why)
    assert slot.next_start is None
    assert not slot.quarantined


def test_success_is_no_crash_for_the_limit_but_waits_like_one() -> None:
    slot = Slot()
    for crashes in range(1, 6):
        slot = after_end(slot, ended("exited", 0), limited(2), "a-1")
        assert (slot.crashes, slot.crashed_at, slot.rest) == (crashes, (), None)
    assert slot.next_start == NOW + 4.0


def test_in_quarantine_it_is_tried_seldom_until_it_has_had_a_good_time() -> None:
    rules = limited(2, every=600.0)
    slot = after_end(Slot(), ended("crashed", 1), rules, "a-1")
    assert not slot.quarantined
    for _ in range(3):
        slot = after_end(slot, ended("crashed", 1), rules, "a-1", up=1.0)
        assert (slot.quarantined, slot.next_start, slot.rest) == (True, NOW + 600.0, None)
        assert len(slot.crashed_at) == 2
    slot = after_end(slot, ended("exited", 0), rules, "a-1", up=1.0)
    assert (slot.quarantined, slot.next_start) == (True, NOW + 600.0)
    slot = after_end(slot, ended("session_killed"), rules, "a-1", up=1.0)
    assert (slot.quarantined, slot.next_start) == (True, None)
    slot = after_end(slot, ended("crashed", 1), rules, "a-1", up=10.0)
    assert (slot.quarantined, slot.next_start, slot.crashed_at) == (False, NOW, (NOW,))


def test_without_a_limit_there_is_no_quarantine() -> None:
    slot = Slot(quarantined=True, crashed_at=(1.0, 2.0))
    slot = after_end(slot, ended("crashed", 1), ALWAYS, "a-1")
    assert (slot.quarantined, slot.crashed_at) == (False, ())


def test_who_died_with_many_is_started_when_it_is_its_turn() -> None:
    slot = after_end(Slot(crashes=3), ended("mass_death"), ALWAYS, "a-1", revived=NOW + 0.5)
    assert (slot.crashes, slot.next_start) == (3, NOW + 0.5)


def test_what_an_end_leaves_and_clears() -> None:
    slot = Slot(
        crashes=1,
        restarts=4,
        stopping=Stopping(run="r", reason="down", since=1.0),
        hold="down",
        held_since=1.0,
        dying=99.0,
        changed=("env",),
    )
    last = LastExit(reason="crashed", status=3, message="m", at=NOW)
    assert after_end(slot, last, ALWAYS, "a-1") == Slot(
        crashes=2,
        restarts=4,
        next_start=NOW + 0.5,
        last_exit=last,
        changed=("env",),
    )
