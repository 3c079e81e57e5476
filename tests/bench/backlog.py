"""A million tasks queued: throughput beside an empty queue, the daemon's memory, and its start."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.contenders import Tmaxd
from tests.bench.costs import memory_of
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size
from tests.bench.stream import submit
from tests.bench.taskfleet import BATCH, WORKERS, api, ready, sdk_fleet, start, throughput

MILLION = 1_000_000
EMPTY, FULL = "an empty queue", "the backlog"
LOW = "&priority=-5"
"""The backlog waits below the tasks that are measured, in the same group."""
RATIO, MEMORY, START = 0.8, 20.0, 1.0
"""What is to be reached: times an empty queue's throughput; MB more; seconds."""


def run(size: Size) -> Iterator[Figure]:
    backlog, count = (20_000, 4000) if size.quick else (MILLION, 100_000)
    empty, full = sdk_fleet(), sdk_fleet()
    try:
        started = start(empty)
        throughput(empty, 2000)
        before = memory_of(started)
        full_daemon = start(full, 0)
        begun = time.perf_counter()
        submit(api(full), "w", backlog, BATCH, LOW)
        filling = backlog / (time.perf_counter() - begun)
        idle = memory_of(full_daemon)
        yield from speed(size, empty, full, count)
        yield figure(f"{backlog:,} tasks submitted, no worker there", "a second", filling)
        base = f"daemon's RSS with {backlog:,} tasks queued, over that with none"
        yield figure(f"{base}: as submitted", "MB", idle - before, limit=MEMORY)
        after = memory_of(full_daemon) - memory_of(started)
        yield figure(f"{base}: while they are worked on", "MB", after, limit=MEMORY)
        yield from starts(size, full)
    finally:
        full.close()
        empty.close()


def figure(what: str, unit: str, *samples: float, limit: float | None = None) -> Figure:
    return Figure(suite="backlog", what=what, unit=unit, samples=samples, limit=limit)


def speed(size: Size, empty: Tmaxd, full: Tmaxd, count: int) -> Iterator[Figure]:
    rates: dict[str, list[float]] = {EMPTY: [], FULL: []}
    for _ in range(size.rounds(3)):
        rates[EMPTY].append(throughput(empty, count))
        scale(full, WORKERS)
        rates[FULL].append(throughput(full, count))
        scale(full, 0)
    for name, samples in rates.items():
        yield Figure(
            suite="backlog",
            what=f"durable tasks with {name}, {WORKERS} SDK workers",
            unit="a second",
            samples=tuple(samples),
            better="high",
        )
    yield ratio("backlog", "backlog / empty", rates[FULL], rates[EMPTY], RATIO, "high")


def scale(fleet: Tmaxd, workers: int) -> None:
    fleet.configure(workers)
    fleet.fleet.settle()
    ready(fleet, workers)


def starts(size: Size, full: Tmaxd) -> Iterator[Figure]:
    """From exec to the first handler's call, tmux and workers included, and to the API's first answer."""
    taken = []
    for _ in range(size.rounds(3)):
        full.down()
        full.configure(1)
        full.bell.forget()
        begun = time.perf_counter()
        full.spawn(full.argv())
        end, _ = full.bell.wait(1)
        taken.append(end - begun)
        full.settled()
    yield figure(
        f"exec → the first task is worked on, {full_count(full):,} queued", "s", *taken, limit=START
    )


def full_count(fleet: Tmaxd) -> int:
    return int(fleet.fleet.group("w")["queued"])
