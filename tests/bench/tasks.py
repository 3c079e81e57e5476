"""Durable tasks: throughput with four SDK workers, latency on an idle fleet, the shell runner beside a bare loop."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from tests.bench.contenders import Tmaxd
from tests.bench.figures import Figure, percentile
from tests.bench.size import Size

WORKERS = 4
BATCH = 256
PROGRAM = """\
import os, sys, time
from tmaxd.worker import serve
bell = os.open(sys.argv[1], os.O_RDWR)

def handle(task):
    if task.payload == "ring":
        os.write(bell, b"%d\\n" % time.perf_counter_ns())
    return task.payload

serve(handle, window=64)
"""


def run(size: Size) -> Iterator[Figure]:
    sdk = Tmaxd()
    program = sdk.folder / "worker.py"
    program.write_text(PROGRAM)
    sdk.group = {
        "serve": [sys.executable, str(program), str(sdk.bell.path)],
        "env": {"PYTHONPATH": sdk.env["PYTHONPATH"]},
    }
    try:
        ready(sdk)
        rates = [throughput(sdk, 1000 if size.quick else 20_000) for _ in range(size.rounds(3))]
        waits = latency(sdk, 20 if size.quick else 500)
    finally:
        sdk.close()
    yield Figure(
        suite="tasks",
        what=f"durable tasks, {WORKERS} SDK workers",
        unit="a second",
        samples=tuple(rates),
        better="high",
    )
    for part in (0.5, 0.99):
        what = f"submit → handler, idle fleet, p{part * 100:.0f}"
        yield Figure(suite="tasks", what=what, unit="ms", samples=(percentile(waits, part),))
    yield from shell(size)


def ready(fleet: Tmaxd) -> None:
    fleet.configure(WORKERS)
    fleet.spawn(fleet.argv())
    fleet.settled()
    fleet.fleet.wait_for(lambda: fleet.fleet.group("w")["ready"] == WORKERS, "all are ready")


def throughput(fleet: Tmaxd, count: int) -> float:
    """Tasks a second, from the first submit until the last has ended."""
    before = int(fleet.fleet.group("w")["done"])
    pieces = (b'"twelve bytes"\n' * min(BATCH, count - n) for n in range(0, count, BATCH))
    begun = time.perf_counter()
    fleet.fleet.api.submit("w", pieces)
    wanted = before + count
    fleet.fleet.wait_for(lambda: fleet.fleet.group("w")["done"] == wanted, "all are done", 120)
    return count / (time.perf_counter() - begun)


def latency(fleet: Tmaxd, count: int) -> list[float]:
    """Milliseconds from the call to the handler, one task at a time."""
    taken = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        fleet.fleet.api.submit("w", [b'"ring"\n'])
        _, (came,) = fleet.bell.wait(1)
        taken.append((came - begun) / 1e6)
        time.sleep(0.005)  # the fleet is idle again
    return taken


def shell(size: Size) -> Iterator[Figure]:
    count = 200 if size.quick else 4000
    runner = Tmaxd({"task": ["/bin/true", "{payload}"]})
    rates: dict[str, list[float]] = {"shell runner": [], "bare bash loop": []}
    try:
        ready(runner)
        for _ in range(size.rounds(3)):
            rates["shell runner"].append(throughput(runner, count))
            rates["bare bash loop"].append(bare(count))
    finally:
        runner.close()
    for name, samples in rates.items():
        yield Figure(
            suite="tasks",
            what=f"{name}, {WORKERS} at once, /bin/true each",
            unit="a second",
            samples=tuple(samples),
            better="high",
        )
    ratios = tuple(a / b for a, b in zip(*rates.values(), strict=True))
    yield Figure(suite="tasks", what="shell runner / bare loop", unit="×", samples=ratios)


def bare(count: int) -> float:
    loop = f"for ((n = 0; n < {count // WORKERS}; n++)); do /bin/true $n; done"
    begun = time.perf_counter()
    started = [subprocess.Popen(["bash", "-c", loop]) for _ in range(WORKERS)]
    for process in started:
        process.wait()
    return count / (time.perf_counter() - begun)
