"""`python -m tests.soak.leaks [TASKS]`: workers that leak, under load, within the memory that the spec allows.

Each task makes its worker larger for good; all of them together would take many times the fleet's limit. What the
fleet uses is read from `/proc` by this program itself, and which tasks were done from the workers' own ledger. Exit
status 1 when a task was lost or done twice, when the limit did not hold, or when nobody had to be replaced.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from collections import Counter
from pathlib import Path

import msgspec

from tests.e2e.fleet import Fleet

MIB = 1024 * 1024
WORKERS = 4
ENDED = ("done", "dead", "cancelled")
LEAK = 128 * 1024
"""Bytes a task."""
PACE = 0.004
"""Seconds that a task takes at least: what a worker can leak between two samples has to be bounded."""
RECYCLE = 64 * MIB
LIMIT = 640 * MIB
"""For the daemon, the tmux server and all workers. A worker grows by 32 MB a second at most, is sampled each second,
and counts as too large in its second sample: 64 + 3 × 32 MB each, and 256 for all else."""

LEAKER = f"""\
import sys, time
from tmaxd.worker import serve
kept = []

def handle(task):
    kept.append(b"x" * {LEAK})
    time.sleep({PACE})
    with open(sys.argv[1], "a") as ledger:
        ledger.write(task.payload + "\\n")
    return task.payload

serve(handle, window=8)
"""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    tasks: int
    seconds: float
    states: dict[str, int]
    lost: int
    """Tasks that no worker has done."""
    again: int
    """Tasks that were done more than once."""
    recycled: int
    peak: int
    """Bytes of the resident sets of all processes of the fleet together, at the most."""
    leaked: int
    """Bytes that were leaked in all."""

    @property
    def broken(self) -> list[str]:
        wrong = []
        if self.lost or self.again or self.states["done"] != self.tasks:
            wrong.append(
                f"not each task was done once: {self.lost} lost, {self.again} again, {self.states}"
            )
        if self.peak > LIMIT:
            wrong.append(f"the fleet used {self.peak // MIB} MiB, more than {LIMIT // MIB}")
        if not self.recycled:
            wrong.append("nobody was replaced: it shows nothing")
        return wrong

    def summary(self) -> str:
        return (
            f"{self.tasks:,} tasks in {self.seconds:.0f} s by {WORKERS} workers that leaked "
            f"{self.leaked // MIB:,} MiB: {self.recycled} replaced for it, "
            f"{self.peak // MIB} MiB at the most (limit {LIMIT // MIB}), {self.lost} lost, "
            f"{self.again} done again" + "".join(f"\nBROKEN: {text}" for text in self.broken)
        )


def run(tasks: int) -> Outcome:
    fleet = Fleet()
    failed = True
    try:
        outcome = _run(fleet, tasks)
        failed = bool(outcome.broken)
        return outcome
    finally:
        fleet.close(failed)


def _run(fleet: Fleet, tasks: int) -> Outcome:
    program, ledger = fleet.folder / "leaker.py", fleet.folder / "ledger"
    program.write_text(LEAKER)
    leaky = {"count": WORKERS, "serve": [sys.executable, str(program), str(ledger)]}
    limits = {"recycle": f"{RECYCLE // MIB}MiB", "for": 2}
    memory = {"sample": "1s", "worker": limits, "fleet": {"hold": f"{LIMIT // MIB}MiB"}}
    fleet.write({"leaky": leaky | {"rollout": {"max_unavailable": 2}}}, memory=memory)
    fleet.start()
    began = time.monotonic()
    fleet.submit("leaky", [str(number) for number in range(tasks)])
    peak, deadline = 0, began + 60 + tasks * PACE * 10
    while sum(_states(fleet).values()) < tasks:
        peak = max(peak, _used(fleet))
        if time.monotonic() > deadline:
            break
        time.sleep(0.1)  # between two readings; what is waited for is the condition above
    done = Counter(ledger.read_text().split())
    return Outcome(
        tasks=tasks,
        seconds=time.monotonic() - began,
        states=_states(fleet),
        lost=sum(str(number) not in done for number in range(tasks)),
        again=sum(times > 1 for times in done.values()),
        recycled=len(fleet.events("ended", reason="memory_recycle")),
        peak=peak,
        leaked=tasks * LEAK,
    )


def _states(fleet: Fleet) -> dict[str, int]:
    seen = fleet.group("leaky")
    return {state: seen[state] for state in ENDED}


def _used(fleet: Fleet) -> int:
    """Bytes; of a process that has just ended, none."""
    assert fleet.daemon is not None
    pids = [fleet.daemon.pid, fleet.server_pid(), *fleet.pids().values()]
    return sum(_resident(pid) for pid in pids)


def _resident(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


def main() -> int:
    about = "Workers that leak, under load: their memory is kept, and no task is lost."
    parser = argparse.ArgumentParser(prog="python -m tests.soak.leaks", description=about)
    parser.add_argument("tasks", nargs="?", type=int, default=100_000)
    outcome = run(parser.parse_args().tasks)
    sys.stdout.write(outcome.summary() + "\n")
    return int(bool(outcome.broken))


if __name__ == "__main__":
    sys.exit(main())
