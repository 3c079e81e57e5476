"""A million finished tasks are forgotten while others flow: what that costs these, and how long it takes."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from statistics import median
from typing import Any

from tests.bench.contenders import Tmaxd
from tests.bench.costs import memory_of
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size
from tests.bench.taskfleet import WORKERS, sdk_fleet, start, throughput

MILLION = 1_000_000
RATIO = 0.8
"""What is to be reached: times the throughput without a clean-up."""
BUSY, ALONE = "while a clean-up is under way", "without"


def run(size: Size) -> Iterator[Figure]:
    finished, count = (20_000, 4000) if size.quick else (MILLION, 50_000)
    fleet = sdk_fleet()
    try:
        daemon = start(fleet)
        throughput(fleet, 2000)
        rates: dict[str, list[float]] = {ALONE: [], BUSY: []}
        taken, quiet, went = list[float](), list[float](), 0
        cleaned(fleet)
        for _ in range(size.rounds(5)):
            throughput(fleet, finished)
            alone = [throughput(fleet, count) for _ in range(3)]
            before = memory_of(daemon)
            rate, seconds, gone = under_load(fleet, count)
            rates[BUSY].append(rate)
            # Before and after, since the machine may have become slower or faster.
            alone += [throughput(fleet, count) for _ in range(3)]
            rates[ALONE].append(median(alone))
            taken.append(seconds / gone * MILLION)
            went += gone
            more = memory_of(daemon) - before
            throughput(fleet, finished)
            begun = time.perf_counter()
            gone = cleaned(fleet)["count"]
            quiet.append((time.perf_counter() - begun) / gone * MILLION)
        for name, samples in rates.items():
            what = f"durable tasks, {WORKERS} SDK workers, {name}"
            yield figure(what, "a second", samples, better="high")
        yield ratio("cleanup", "with / without", rates[BUSY], rates[ALONE], RATIO, "high")
        yield figure("a million finished tasks gone, under that load", "s", taken)
        yield figure("the same, nothing else to do", "s", quiet)
        yield figure("daemon's RSS, more than before", "MB", [more])
    finally:
        fleet.close()


def figure(what: str, unit: str, samples: list[float], **more: Any) -> Figure:
    return Figure(suite="cleanup", what=what, unit=unit, samples=tuple(samples), **more)


def cleaned(fleet: Tmaxd) -> dict[str, Any]:
    """All that is over by now."""
    body = {"what": ["tasks"], "ttl": 0.0}
    value = fleet.fleet.api.post("/v1/cleanup", body=body, wait=700.0)
    run: dict[str, Any] = value["runs"][0]
    if run["problems"]:
        raise RuntimeError(run["problems"][0])
    return run


def under_load(fleet: Tmaxd, count: int) -> tuple[float, float, int]:
    """(tasks a second as long as it lasts, seconds that it takes, how many went)."""
    with ThreadPoolExecutor(1) as pool:
        rates: list[float] = []
        going: Future[dict[str, Any]] = pool.submit(cleaned, fleet)
        while not rates or not going.done():
            rates.append(throughput(fleet, count))
        run = going.result()
    return median(rates), run["seconds"], run["count"]
