"""Samples in the terms of workers, their totals, and which of them the planner has to see at once."""

from __future__ import annotations

from typing import TypeVar

import msgspec
import pytest

from tmaxd.daemon.figures import Figures, figures, matters, usage
from tmaxd.daemon.trend import Trend
from tmaxd.plan.observed import Footprint, Usage
from tmaxd.plan.rules import FleetMemoryRules, MemoryRules, ThresholdRules
from tmaxd.plan.wanted import Wanted, WantedGroup
from tmaxd.ports.footprints import Basis, Measured, Sample

T = TypeVar("T", bound=ThresholdRules)


def measured(size: int, cpu: float = 0.0, rss: int | None = None, basis: Basis = "pss") -> Measured:
    resident = size if rss is None else rss
    return Measured(bytes=size, basis=basis, rss=resident, cpu=cpu, processes=1, files=3)


def test_a_total_has_workers_daemon_and_server() -> None:
    sample = Sample(
        runs={"r1": measured(100), "r2": measured(20)}, daemon=measured(5), server=measured(1)
    )
    found = figures(Figures(), sample, ["r1", "r2"], {}, 10.0)
    assert (found.number, found.at, found.total) == (1, 10.0, 126)


def test_a_run_that_could_not_be_measured_is_not_nothing() -> None:
    trends: dict[str, Trend] = {}
    runs = ["r1", "r2"]
    first = figures(
        Figures(), Sample(runs={"r1": measured(100), "r2": measured(20)}), runs, trends, 10.0
    )
    second = figures(first, Sample(runs={"r2": measured(25)}), runs, trends, 15.0)
    assert second.total == 125, "its last figure stands in the total"
    seen = usage(second, {"a-1": "r1", "a-2": "r2", "a-3": "r3"})
    assert seen.workers == {"a-2": Footprint("r2", 25, None)}, "nobody is judged by an old one"
    assert (seen.number, seen.at, seen.fleet) == (2, 15.0, 125)


def test_what_is_over_is_forgotten() -> None:
    trends: dict[str, Trend] = {}
    first = figures(Figures(), Sample(runs={"r1": measured(100)}), ["r1"], trends, 10.0)
    second = figures(first, Sample(), ["r2"], trends, 15.0)
    assert (second.runs, second.total, trends) == ({}, 0, {})


def test_processor_time_is_that_since_the_sample_before() -> None:
    first = figures(Figures(), Sample(runs={"r1": measured(1, cpu=3.0)}), ["r1"], {}, 10.0)
    assert first.runs["r1"].cpu is None
    second = figures(first, Sample(runs={"r1": measured(1, cpu=5.5)}), ["r1"], {}, 15.0)
    assert second.runs["r1"].cpu == pytest.approx(0.5)
    less = figures(second, Sample(runs={"r1": measured(1, cpu=5.0)}), ["r1"], {}, 20.0)
    assert less.runs["r1"].cpu == 0.0


@pytest.mark.parametrize(
    ("basis", "slope"), [("pss", 1000.0), ("mixed", 1000.0), ("cgroup", 200.0)]
)
def test_the_trend_is_of_what_is_measured_each_time(basis: Basis, slope: float) -> None:
    """PSS comes in turns; the resident set and the cgroup's count do not."""
    trends: dict[str, Trend] = {}
    found = Figures()
    for n in range(20):
        at = 5.0 * n
        tree = measured(int(1e6 + 200 * at), rss=int(2e6 + 1000 * at), basis=basis)
        found = figures(found, Sample(runs={"r1": tree}), ["r1"], trends, at)
    assert found.runs["r1"].slope == pytest.approx(slope)


def seen(*sizes: int, fleet: int = 0, free: int | None = None) -> Usage:
    workers = {f"a-{n}": Footprint(f"r{n}", size) for n, size in enumerate(sizes, 1)}
    return Usage(number=1, at=1.0, workers=workers, fleet=fleet, free=free)


def wanted(memory: MemoryRules | None = None, fleet: FleetMemoryRules | None = None) -> Wanted:
    group = WantedGroup(count=2, takes_tasks=False, fingerprint="f", memory=memory or MemoryRules())
    return Wanted(groups={"a": group}, memory=fleet or FleetMemoryRules())


NAMES = {"a-1": "a", "a-2": "a", "b-1": "b"}


@pytest.mark.parametrize("threshold", ["warn", "recycle", "kill"])
def test_the_planner_is_woken_by_what_exceeds_a_threshold(threshold: str) -> None:
    def limit(to: T) -> T:
        return msgspec.structs.replace(to, **{threshold: 100})

    rules = limit(MemoryRules())
    assert not matters(seen(50, 100), wanted(rules), NAMES)
    assert matters(seen(50, 101), wanted(rules), NAMES)
    total = MemoryRules(total=limit(ThresholdRules()))
    assert not matters(seen(50, 50), wanted(total), NAMES)
    assert matters(seen(50, 51), wanted(total), NAMES)
    fleet = limit(FleetMemoryRules())
    assert not matters(seen(fleet=100), wanted(fleet=fleet), NAMES)
    assert matters(seen(fleet=101), wanted(fleet=fleet), NAMES)


def test_what_exceeds_nothing_waits_for_the_next_look() -> None:
    assert not matters(seen(10**12, fleet=10**12, free=0), wanted(), NAMES)
    assert matters(seen(fleet=101), wanted(fleet=FleetMemoryRules(hold=100)), NAMES)
    off = FleetMemoryRules(hold=100, governed=False)
    assert not matters(seen(fleet=101), wanted(fleet=off), NAMES)
    gone = Usage(number=1, at=1.0, workers={"b-1": Footprint("r", 10**12)})
    assert not matters(gone, wanted(MemoryRules(kill=1)), NAMES), "its group is in no spec"
