"""What the status says of memory limits: the gravest that is exceeded, or nothing where there is none."""

from __future__ import annotations

import pytest

from tmaxd.plan.rules import FleetMemoryRules, MemoryRules, ThresholdRules
from tmaxd.plan.tallies import NO_MEMORY, Count, Memory, Tally
from tmaxd.plan.wanted import Wanted, WantedGroup
from tmaxd.plan.within import UNKNOWN, Within, fleet_within, group_within, worker_within

RULES = MemoryRules(warn=10, recycle=20, kill=30, samples=2, total=ThresholdRules(warn=50))
WANTED = Wanted(
    groups={
        "check": WantedGroup(count=1, takes_tasks=True, fingerprint="x", memory=RULES),
        "free": WantedGroup(count=1, takes_tasks=True, fingerprint="x"),
    },
    memory=FleetMemoryRules(hold=100),
)


def of(tally: Tally, worker: str = "check-1", run: str = "r1") -> Within:
    return worker_within(WANTED, Memory(number=1, workers={worker: tally}), worker, run)


@pytest.mark.parametrize(
    ("count", "wish"),
    [
        (Count(used=5), Within(True, used=5)),
        (Count(warn=1, recycle=1, kill=1, used=40), Within(True, used=40)),
        (Count(warn=2, warned=True, used=15), Within(False, "memory_warn", 15, 10)),
        (Count(warn=2, recycle=2, warned=True, used=25), Within(False, "memory_recycle", 25, 20)),
        (Count(warn=2, recycle=2, kill=2, used=35), Within(False, "memory_kill", 35, 30)),
    ],
)
def test_the_gravest_is_named(count: Count, wish: Within) -> None:
    assert of(Tally("r1", count)) == wish


def test_a_limit_that_is_too_low_is_said() -> None:
    found = of(Tally("r1", Count(recycle=9, used=25), bytes=25, too_low=20))
    assert found == Within(False, "memory_limit", 25, 20)


def test_nothing_is_known_without_a_limit_or_a_sample_of_the_run() -> None:
    assert of(Tally("r0")) == UNKNOWN
    assert of(Tally("r1"), worker="free-1") == UNKNOWN
    assert of(Tally("r1"), worker="gone-1") == UNKNOWN
    assert worker_within(WANTED, NO_MEMORY, "check-1", "r1") == UNKNOWN
    assert fleet_within(WANTED, NO_MEMORY) == UNKNOWN


def test_totals() -> None:
    memory = Memory(number=3, groups={"check": Count(warn=3, warned=True, used=60)}, held=2)
    assert group_within(WANTED, memory, "check") == Within(False, "memory_warn", 60, 50)
    assert group_within(WANTED, memory, "free") == UNKNOWN
    assert fleet_within(WANTED, memory) == Within(False, "memory_hold", 0, 100)
    assert fleet_within(WANTED, Memory(number=3)).holds is True
