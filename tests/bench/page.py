"""docs/benchmarks.md: the figures of one run, with the machine and the versions they were taken on."""

from __future__ import annotations

import os
import platform
import sqlite3
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

from tests.bench.figures import Figure
from tests.bench.peers import peers, versions

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

ABOUT = {
    "sessions": "128 labelled tmux sessions, from an empty socket to the last one running.",
    "start": "From the exec of the daemon until the last of 32 workers has run its first line.",
    "crash": "From kill -9 of a healthy worker until its successor has run its first line. tmaxd and pm2 keep "
    "128 workers, the two that poll keep 16.",
    "pool": "From kill -9 of a worker whose program boots for 2 s until its successor has begun a task that was "
    "submitted meanwhile: journal, assignment and FIFO included.",
    "rollout": "A key of the file changes, so that 100 Python workers are replaced, ten at a time, while tasks come in "
    "at 2,000 a second. What was begun and ended stands in a ledger that the workers write themselves.",
    "edit": "From the save of the configuration until the new worker has run its first line. tmaxd has 128 "
    "workers and sees the save; circus and supervisord have 32 and are told to reload.",
    "settled": "One pass of the loop (look, decide, check every FIFO) when there is nothing to do; half of the "
    "workers have FIFOs.",
    "status": "`tmaxctl status` as a person calls it.",
    "idle": "Nothing happens for 20 s.",
    "footprints": "The memory, processor time and open files of all process trees, as each `memory.sample`.",
    "tasks": "Every task is on disk before its submitter is told so, and every assignment before it is sent. "
    "Batches of 256 over one streaming request with acknowledgements, window 64. Redis gets its tasks in pipelines of "
    "64 and its workers read, answer and acknowledge 64 at a time; `appendfsync always` promises what tmaxd does.",
    "backlog": "A million tasks of lower priority wait in the same group.",
    "shell": "The shipped runner beside a bash loop that does nothing but fork.",
    "dispatcher": "The part of the daemon that decides, without a disk, a FIFO or a worker.",
    "journal": "The part of the daemon that writes, without the rest.",
    "sdk": "One worker program, fed through real FIFOs.",
    "store": "The memory store of a daemon with one worker. What is answered is on disk. A million keys fill their "
    "namespace, so that each put there makes another entry go.",
}


def write(figures: Sequence[Figure], note: str) -> None:
    PAGE.write_text(text(figures, note))


def text(figures: Sequence[Figure], note: str) -> str:
    parts = [
        "# Benchmarks",
        "Written by `make bench ARGS='--with-peers --write'`; do not edit. What is compared was measured in "
        "turns, in one run; ratios are made round by round, so that a slow moment hits both sides. Figures "
        "are medians, with the smallest and the largest beside them. On another machine, or a busy one, "
        "read the ratios.",
        machine() + (f"  \n{note}" if note else ""),
    ]
    for suite, rows in groupby(figures, key=lambda figure: figure.suite):
        parts += [
            f"## {suite}",
            ABOUT[suite],
            f"`python -m tests.bench {suite}`",
            _table(list(rows)),
        ]
    return "\n\n".join(parts) + "\n"


def machine() -> str:
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    tmux = subprocess.run(["tmux", "-V"], capture_output=True, text=True, check=True).stdout.strip()
    load = " ".join(Path("/proc/loadavg").read_text().split()[:3])
    own = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {tmux}"
    others = ", ".join(f"{name} {version}" for name, version in versions(peers()).items())
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores of {model}, Linux {platform.release()}, "
        f"load at the end {load}.  \n{own}. Peers: {others or 'none installed'}."
    )


def _table(figures: Sequence[Figure]) -> str:
    lines = ["| what | median | range | target | |", "|---|---|---|---|---|"]
    for figure in figures:
        _, what, median, spread, target, verdict, note = figure.row()
        lines.append(f"| {what} | {median} | {spread} | {target} | {verdict or note} |")
    return "\n".join(lines)
