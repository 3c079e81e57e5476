"""Durable tasks: throughput with four SDK workers beside Redis streams, what a task costs, latency on an idle fleet."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack

from tests.bench.contenders import Tmaxd
from tests.bench.costs import cpu_of
from tests.bench.figures import ABSENT, Figure, percentile, ratio
from tests.bench.redis import Fsync, Redis
from tests.bench.size import Size
from tests.bench.stream import Stream, chunk_of
from tests.bench.taskfleet import WORKERS, api, sdk_fleet, start, throughput, worker_pids

PULLED = "tmaxd, layout: shared"
"""A record of the FIFO holds one task, and each is read and answered by itself: what that costs."""

RATE, RATIO, CPU = 100_000.0, 2.0, 7.0
"""What is to be reached: tasks a second, times Redis, µs of the daemon's CPU a task."""
P50, P99 = 1.0, 4.0
"""ms from submit to handler."""
IDLE = 0.005
"""Seconds between two tasks of the latency's measure: the fleet is idle again."""
PEERS: dict[str, tuple[Fsync, bool]] = {
    "Redis streams, appendfsync always": ("always", True),
    "Redis streams, appendfsync everysec": ("everysec", True),
    "Redis streams, appendfsync everysec, results dropped": ("everysec", False),
}
"""Name to its fsync, and whether its results are kept, as tmaxd keeps them."""


def run(size: Size) -> Iterator[Figure]:
    with ExitStack() as stack:
        sdk = sdk_fleet()
        stack.callback(sdk.close)
        daemon = start(sdk)
        throughput(sdk, 2000)  # all code has run once
        sdk.bell.forget()
        pulled = sdk_fleet(layout="shared")
        stack.callback(pulled.close)
        start(pulled)
        throughput(pulled, 2000)
        peers: dict[str, Redis] = {}
        if "redis" not in size.peers.missing():
            for name, (fsync, keep) in PEERS.items():
                peers[name] = Redis(size.peers, fsync, keep)
                stack.callback(peers[name].close)
        yield from speed(size, sdk, daemon, pulled, peers)
        yield from latencies(size, sdk)


def speed(
    size: Size, sdk: Tmaxd, daemon: int, pulled: Tmaxd, peers: dict[str, Redis]
) -> Iterator[Figure]:
    count = 4000 if size.quick else 200_000
    rates: dict[str, list[float]] = {"tmaxd": [], PULLED: [], **{name: [] for name in peers}}
    costs = Costs(sdk, daemon, count)
    for _ in range(size.rounds(5)):
        with costs:
            rates["tmaxd"].append(throughput(sdk, count))
        rates[PULLED].append(throughput(pulled, count // 4))
        for name, peer in peers.items():
            rates[name].append(peer.throughput(count // 4))
    for name, samples in rates.items():
        yield Figure(
            suite="tasks",
            what=f"{name}: durable tasks, {WORKERS} workers",
            unit="a second",
            samples=tuple(samples),
            better="high",
            limit=RATE if name == "tmaxd" else None,
        )
    for name in PEERS:
        if name in rates:
            yield ratio("tasks", f"tmaxd / {name}", rates["tmaxd"], rates[name], RATIO, "high")
        else:
            yield Figure(suite="tasks", what=name, unit="a second", samples=(), note=ABSENT)
    yield from costs.figures()


class Costs:
    """CPU time of each part of the fleet in each round (`with`), and the part of the machine that all had together."""

    def __init__(self, sdk: Tmaxd, daemon: int, count: int) -> None:
        self._daemon = daemon
        self._workers = worker_pids(sdk)
        self._count = count
        self._samples: dict[str, list[float]] = {}

    def __enter__(self) -> None:
        self._before = self._look()

    def __exit__(self, *_: object) -> None:
        for name, after in self._look().items():
            used = (after - self._before[name]) / self._count * 1e6
            self._samples.setdefault(name, []).append(used)

    def _look(self) -> dict[str, float]:
        daemon = cpu_of(self._daemon)
        own = os.times()
        return {
            "the daemon": daemon.whole,
            "of it, the loop": daemon.main,
            "of it, the journal's writer": daemon.others,
            "of it, in the kernel": daemon.system,
            f"the {WORKERS} workers": sum(cpu_of(pid).whole for pid in self._workers),
            "the submitter": own.user + own.system,
            "time on the clock": time.perf_counter(),
        }

    def figures(self) -> Iterator[Figure]:
        for name, samples in self._samples.items():
            yield Figure(
                suite="tasks",
                what=f"a task costs: {name}",
                unit="µs",
                samples=tuple(samples),
                limit=CPU if name == "the daemon" else None,
            )


def latencies(size: Size, sdk: Tmaxd) -> Iterator[Figure]:
    count = 20 if size.quick else 1000
    ways = {"in an open stream": streamed(sdk, count), "as a request": requested(sdk, count)}
    for way, waits in ways.items():
        for part, limit in ((0.5, P50), (0.99, P99)):
            yield Figure(
                suite="tasks",
                what=f"submit {way} → handler, idle fleet, p{part * 100:.0f}",
                unit="ms",
                samples=(percentile(waits, part),),
                limit=limit,
            )


def streamed(sdk: Tmaxd, count: int) -> list[float]:
    """Milliseconds from the write to the handler, one task at a time."""
    line = chunk_of(b'"ring"\n')
    taken = []
    with Stream(api(sdk), "w") as stream:
        for number in range(count):
            time.sleep(IDLE)
            begun = time.perf_counter_ns()
            stream.send(line)
            taken.append(rung(sdk, begun))
            stream.until(number + 1)
    return taken


def requested(sdk: Tmaxd, count: int) -> list[float]:
    """The same from the connect of a request with one task."""
    line = chunk_of(b'"ring"\n')
    taken = []
    for _ in range(count):
        time.sleep(IDLE)
        begun = time.perf_counter_ns()
        with Stream(api(sdk), "w") as stream:
            stream.send(line)
            taken.append(rung(sdk, begun))
    return taken


def rung(sdk: Tmaxd, begun: int) -> float:
    _, (came,) = sdk.bell.wait(1)
    return (came - begun) / 1e6
