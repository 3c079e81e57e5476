"""When a run has lived for as long as it may."""

from __future__ import annotations

from tmaxd.plan.age import over_at
from tmaxd.plan.observed import Run
from tmaxd.plan.rules import AgeRules

RULES = AgeRules(max_age=1000.0, jitter=0.2)


def over(run: str, rules: AgeRules = RULES) -> float:
    return over_at(Run(run=run, alive=True, started=50.0), rules, 1000.0)


def test_no_run_gets_older_than_the_spec_says_and_none_goes_much_sooner() -> None:
    found = [over(f"r{n}") for n in range(500)]
    assert all(850.0 <= at <= 1050.0 for at in found)
    assert max(found) - min(found) > 190.0, "they are spread over all of it"


def test_the_same_run_always_goes_at_the_same_time() -> None:
    assert over("r1") == over("r1") != over("r2")


def test_without_jitter_it_is_the_age() -> None:
    assert over("r1", AgeRules(max_age=1000.0, jitter=0.0)) == 1050.0
