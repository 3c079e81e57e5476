"""What runs in the panes, alone: what a task costs in a worker of the SDK, and the runner beside a bare bash loop."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.feed import Feed
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size
from tmaxd.worker.paths import runner_argv

WINDOW = 64
TIMEOUT = 30.0
COST = 3.5
RATIO = 0.8
SYNC = "from tmaxd.worker import serve\nserve(lambda task: task.payload, window=64)\n"
ASYNC = """\
from tmaxd.worker import serve

async def handle(task):
    return task.payload

serve(handle, window=64)
"""


def run(size: Size) -> Iterator[Figure]:
    count = 20_000 if size.quick else 200_000
    yield from sdk(size, "plain function", SYNC, count, COST)
    yield from sdk(size, "coroutine", ASYNC, count // 10, None)
    for at_once in (1, 4):
        yield from shell(size, at_once)


def sdk(size: Size, name: str, program: str, count: int, limit: float | None) -> Iterator[Figure]:
    costs, rates = [], []
    for _ in range(size.rounds(5)):
        with Feed([sys.executable, "-c", program], WINDOW, timeout=TIMEOUT) as feed:
            feed.until_ready()
            feed.work(2_000)  # chunks have grown, caches are warm
            before = feed.cpu()
            rates.append(count / feed.work(count))
            costs.append((feed.cpu() - before) / count * 1e6)
    what = f"one SDK worker, {name}"
    yield Figure(
        suite="sdk",
        what=f"{what}: CPU a task",
        unit="µs",
        samples=tuple(costs),
        limit=limit,
        note=f"window {WINDOW}, with a timeout, 12-byte payloads",
    )
    yield Figure(suite="sdk", what=what, unit="a second", samples=tuple(rates), better="high")


def shell(size: Size, at_once: int) -> Iterator[Figure]:
    """The runner without a daemon; its window is 2, so that the next frame is there."""
    count = 200 if size.quick else 1000 * at_once
    runners, loops = [], []
    for _ in range(size.rounds(5)):
        with Feed([*runner_argv(), "/bin/true", "{payload}"], 2, at_once) as feed:
            feed.until_ready()
            feed.work(50)
            runners.append(count / feed.work(count))
        loops.append(count / bare(count, at_once))
    what = f"/bin/true, {at_once} at once"
    yield Figure(
        suite="sdk", what=f"runner, {what}", unit="a second", samples=tuple(runners), better="high"
    )
    yield ratio("sdk", f"runner / bare bash loop, {what}", runners, loops, RATIO, "high")


def bare(count: int, at_once: int) -> float:
    """Seconds; with the environment that the runner has."""
    loop = f"for ((n = 0; n < {count // at_once}; n++)); do /bin/true $n; done"
    begun = time.perf_counter()
    started = [subprocess.Popen(["bash", "-c", loop], env=os.environ) for _ in range(at_once)]
    for process in started:
        process.wait()
    return time.perf_counter() - begun
