"""The shipped runner, a process a task, beside a bare bash loop that forks the same."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from tests.bench.contenders import Tmaxd
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size
from tests.bench.taskfleet import WORKERS, start, throughput

RATIO = 0.8
RUNNER, LOOP = "shell runner", "bare bash loop"


def run(size: Size) -> Iterator[Figure]:
    count = 200 if size.quick else 4000
    runner = Tmaxd({"task": ["/bin/true", "{payload}"]})
    rates: dict[str, list[float]] = {RUNNER: [], LOOP: []}
    try:
        start(runner)
        throughput(runner, 100)
        for _ in range(size.rounds(5)):
            rates[RUNNER].append(throughput(runner, count))
            rates[LOOP].append(bare(count))
    finally:
        runner.close()
    for name, samples in rates.items():
        yield Figure(
            suite="shell",
            what=f"{name}, {WORKERS} at once, /bin/true each",
            unit="a second",
            samples=tuple(samples),
            better="high",
        )
    yield ratio("shell", "shell runner / bare loop", rates[RUNNER], rates[LOOP], RATIO, "high")


def bare(count: int) -> float:
    loop = f"for ((n = 0; n < {count // WORKERS}; n++)); do /bin/true $n; done"
    begun = time.perf_counter()
    started = [subprocess.Popen(["bash", "-c", loop]) for _ in range(WORKERS)]
    for process in started:
        process.wait()
    return count / (time.perf_counter() - begun)
