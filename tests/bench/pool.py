"""kill -9 of a worker that takes 2 s to boot → its successor has begun a task: from the pool, and without one."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator

from tests.bench.contenders import Tmaxd
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size

BOOT = 2.0
"""Seconds."""
LIMIT = 25.0
"""Milliseconds, from the death to the task."""
ROUNDS = 8
GROUPS = {"warm": {"pool": {"size": 1}}, "cold": {}}

PROGRAM = """\
import os, sys, time
time.sleep(float(sys.argv[2]))
from tmaxd.worker import serve
bell = os.open(sys.argv[1], os.O_RDWR)
serve(lambda task: os.write(bell, b"%d\\n" % time.perf_counter_ns()) and None)
"""
"""It rings at each task."""


def run(size: Size) -> Iterator[Figure]:
    times: dict[str, list[float]] = {name: [] for name in GROUPS}
    bench = Tmaxd()
    try:
        _up(bench)
        for _ in range(size.rounds(ROUNDS)):
            for name, found in times.items():
                _rest(bench)
                found.append(_hit(bench, name))
    finally:
        bench.close()
    warm, cold = times["warm"], times["cold"]
    what = "kill -9 → a task has begun"
    yield Figure(
        suite="pool", what=f"{what}, from the pool", unit="ms", samples=tuple(warm), limit=LIMIT
    )
    yield Figure(suite="pool", what=f"{what}, cold", unit="ms", samples=tuple(cold))
    yield ratio("pool", "cold / from the pool", cold, warm)


def _up(bench: Tmaxd) -> None:
    program = bench.folder / "slow.py"
    program.write_text(PROGRAM)
    group = {
        "count": 1,
        "serve": [sys.executable, str(program), str(bench.bell.path), str(BOOT)],
        "env": {"PYTHONPATH": bench.env["PYTHONPATH"]},
        # Each death is the first one: what repeated ones cost is not the question here.
        "restart": {"backoff": {"first": "0s", "max": "0s"}},
    }
    bench.fleet.write({name: {**group, **more} for name, more in GROUPS.items()})
    bench.spawn(bench.argv())
    bench.settled()


def _rest(bench: Tmaxd) -> None:
    """Wait until everybody has booted, the spare too."""
    fleet = bench.fleet
    fleet.wait_for(lambda: all(fleet.group(name)["ready"] for name in GROUPS), "all are up")
    fleet.wait_for(lambda: fleet.group("warm")["pool"]["ready"] == 1, "the pool is filled")
    fleet.settle()


def _hit(bench: Tmaxd, group: str) -> float:
    """Milliseconds."""
    victim = bench.fleet.worker(f"{group}-1")["pid"]
    begun = time.perf_counter_ns()
    os.kill(victim, 9)
    bench.fleet.submit(group, ["ring"])
    _, (rung,) = bench.bell.wait(1)
    return (rung - begun) / 1e6
