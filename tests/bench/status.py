"""`tmaxctl status` over 128 workers: how long a person waits, and what it costs."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.contenders import Tmaxd
from tests.bench.figures import Figure
from tests.bench.size import Size

WORKERS = 128


def run(size: Size) -> Iterator[Figure]:
    fleet = Tmaxd()
    try:
        fleet.up(WORKERS)
        fleet.settled()
        shown(fleet)  # writes byte code
        taken = [shown(fleet) for _ in range(size.rounds(20))]
    finally:
        fleet.close()
    what = f"tmaxctl status, {WORKERS} workers"
    wall, cpu = (tuple(s * 1000 for s in part) for part in zip(*taken, strict=True))
    yield Figure(suite="status", what=what, unit="ms", samples=wall, limit=100.0)
    yield Figure(suite="status", what=f"{what}: its CPU time", unit="ms", samples=cpu)


def shown(fleet: Tmaxd) -> tuple[float, float]:
    """Wall and CPU seconds."""
    before = _cpu()
    begun = time.perf_counter()
    done = subprocess.run(
        [str(Path(sys.executable).with_name("tmaxctl")), "status"],
        env=fleet.env,
        cwd=fleet.folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    took = time.perf_counter() - begun
    assert f"w-{WORKERS}" in done.stdout
    return took, _cpu() - before


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
