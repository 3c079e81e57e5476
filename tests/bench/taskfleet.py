"""Fleets that work on tasks, for the suites that measure them."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.bench.contenders import Tmaxd
from tests.bench.stream import await_end, submit

WORKERS = 4
BATCH = 256
WINDOW = 64
TAIL = 2048
"""The last tasks, whose ends are awaited one by one: within a priority tasks are handed out in order, so that all
others have ended before, or do so in the same moment. To ask for all would be a part of what is measured."""

PROGRAM = """\
import os, sys, time
from tmaxd.worker import serve
bell = os.open(sys.argv[1], os.O_RDWR)
fresh = True

def handle(task):
    global fresh
    if fresh or task.payload == "ring":
        fresh = False
        os.write(bell, b"%d\\n" % time.perf_counter_ns())
    return task.payload

serve(handle, window=int(sys.argv[2]))
"""
"""It rings at its first task, and at those that ask for it."""


def sdk_fleet(**settings: str) -> Tmaxd:
    """Nothing runs yet. `settings`: further keys of the group."""
    fleet = Tmaxd()
    program = fleet.folder / "worker.py"
    program.write_text(PROGRAM)
    fleet.group = {
        "serve": [sys.executable, str(program), str(fleet.bell.path), str(WINDOW)],
        "env": {"PYTHONPATH": fleet.env["PYTHONPATH"]},
        **settings,
    }
    return fleet


def start(fleet: Tmaxd, workers: int = WORKERS) -> int:
    """The daemon's pid, when all is ready and (where workers are Python) each has done its first task."""
    fleet.configure(workers)
    daemon = fleet.spawn(fleet.argv())
    fleet.settled()
    ready(fleet, workers)
    return daemon.pid


def ready(fleet: Tmaxd, workers: int) -> None:
    fleet.fleet.wait_for(lambda: fleet.fleet.group("w")["ready"] == workers, "all are ready")


def api(fleet: Tmaxd) -> Path:
    return fleet.fleet.places.api_socket


def throughput(fleet: Tmaxd, count: int, query: str = "") -> float:
    """Tasks a second, from the first submit until the last has ended."""
    begun = time.perf_counter()
    last = submit(api(fleet), "w", count, BATCH, query)
    tail = min(TAIL, count)
    await_end(api(fleet), last - tail + 1, tail)
    return count / (time.perf_counter() - begun)


def worker_pids(fleet: Tmaxd) -> list[int]:
    return list(fleet.fleet.pids().values())
