"""What a sample of 128 workers with 5 processes each costs: the thread that takes it, and the loop beside it.

How long the loop is held up is told by a task that does nothing but give way: the longest time between two of its
turns, with and without a sample beside it. A noisy machine shows in the latter.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Iterator, Mapping

from tests.bench.figures import Figure
from tests.bench.size import Size
from tmaxd.daemon.figures import Figures, figures, matters, usage
from tmaxd.daemon.trend import Trend
from tmaxd.plan.wanted import Wanted
from tmaxd.ports import Proc
from tmaxd.ports.footprints import Sample
from tmaxd.world import procfs
from tmaxd.world.cgroup import Caged
from tmaxd.world.footprints import ProcFootprints

WORKERS, PROCESSES = 128, 5
WITHIN = 20.0
"""Seconds until all of them run."""


class NoCages:
    counts_memory = False

    def read(self, run: str) -> Caged | None:
        return None

    def cgroup(self) -> str | None:
        return None


def run(size: Size) -> Iterator[Figure]:
    trees = _start()
    try:
        yield from asyncio.run(_measured(trees, 3 if size.quick else 40))
    finally:
        for process in trees.values():
            os.killpg(process.pid, 9)
        for process in trees.values():
            process.wait()


def _start() -> dict[str, subprocess.Popen[bytes]]:
    script = f"for i in $(seq {PROCESSES - 1}); do sleep 1000000 & done; wait"
    return {
        run: subprocess.Popen(
            ["bash", "-c", script],
            start_new_session=True,
            env={**os.environ, "TMAX_RUN": run},
        )
        for run in (f"bench-{os.getpid()}-{n}" for n in range(WORKERS))
    }


async def _measured(trees: Mapping[str, subprocess.Popen[bytes]], rounds: int) -> list[Figure]:
    runs: dict[str, Proc | None] = {}
    for name, process in trees.items():
        stat = procfs.read_stat(process.pid)
        assert stat is not None
        runs[name] = Proc(stat.pid, stat.start)
    await _all_there(runs)
    port = ProcFootprints(NoCages())
    first, _, found = await _timed(port, runs)
    walls, cpus, held, still, taken = [], [], [], [], []
    before, trends = figures(Figures(), found, runs, {}, 0.0), dict[str, Trend]()
    for number in range(1, rounds + 1):
        wall, cpu, found = await _timed(port, runs)
        walls.append(wall)
        cpus.append(cpu)
        before, seconds = _taken(before, found, runs, trends, 5.0 * number)
        taken.append(seconds)
        held.append(await _longest_turn(asyncio.ensure_future(port.sample(runs, None))))
        still.append(await _longest_turn(asyncio.ensure_future(asyncio.sleep(wall))))
    what = f"{WORKERS} workers of {PROCESSES} processes"
    return [
        _figure(f"{what}: the first sample", [first], 60.0),
        _figure(f"{what}: a sample, beside the loop", walls, 60.0),
        _figure(f"{what}: its CPU time", cpus),
        _figure(f"{what}: the loop's own part of it", taken, 2.0),
        _figure(f"{what}: longest turn of the loop beside a sample", held, 2.0),
        _figure("the same without a sample", still),
    ]


async def _all_there(runs: Mapping[str, Proc | None]) -> None:
    deadline = time.monotonic() + WITHIN
    while True:
        found = await ProcFootprints(NoCages()).sample(runs, None)
        if all(found.runs[run].processes == PROCESSES for run in runs):
            return
        assert time.monotonic() < deadline
        await asyncio.sleep(0.1)


async def _timed(
    port: ProcFootprints, runs: Mapping[str, Proc | None]
) -> tuple[float, float, Sample]:
    wall, cpu = time.perf_counter(), time.process_time()
    found = await port.sample(runs, None)
    return time.perf_counter() - wall, time.process_time() - cpu, found


def _taken(
    before: Figures,
    found: Sample,
    runs: Mapping[str, Proc | None],
    trends: dict[str, Trend],
    at: float,
) -> tuple[Figures, float]:
    """What `Sampling` does with it in the loop."""
    workers = {f"w-{n}": run for n, run in enumerate(runs, 1)}
    begun = time.perf_counter()
    now = figures(before, found, workers.values(), trends, at)
    matters(usage(now, workers), Wanted(), dict.fromkeys(workers, "w"))
    return now, time.perf_counter() - begun


async def _longest_turn(beside: asyncio.Future[object]) -> float:
    longest, last = 0.0, time.perf_counter()
    while not beside.done():
        await asyncio.sleep(0)
        now = time.perf_counter()
        longest, last = max(longest, now - last), now
    return longest


def _figure(what: str, seconds: list[float], limit: float | None = None) -> Figure:
    return Figure(
        suite="footprints",
        what=what,
        unit="ms",
        samples=tuple(1000 * s for s in seconds),
        limit=limit,
    )
