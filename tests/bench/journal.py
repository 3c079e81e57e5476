"""The journal by itself: CPU a durable task, how long Python's lock is held, one small commit, a million queued."""

from __future__ import annotations

import asyncio
import os
import queue
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.bench.figures import Figure, percentile
from tests.bench.size import Size
from tmaxd.tasks.records import Assigned, Delivered, Done, Record, Submitted
from tmaxd.world.journal import SqliteJournal, fold, open_journal
from tmaxd.world.journal.schema import prepare

BATCH = 256
"""Tasks of a submit."""
WINDOW = 64
"""Tasks of a send, and of what one step hears to be done."""
LAG = 8
"""Submits between a task's own and its end."""
IN_FLIGHT = 8
"""Writes that wait for the disk at once."""
PAYLOAD = "twelve bytes"
ROOT = Path(__file__).parents[2]
GROUP = 4
"""Steps of a transaction, where there is no thread that takes what has come."""


def run(size: Size) -> Iterator[Figure]:
    tasks = 20_000 if size.quick else 400_000
    rounds = size.rounds(5)
    with TemporaryDirectory(prefix="tmax-bench-") as folder:
        yield from _throughput(Path(folder), tasks, rounds)
        yield from _lock(Path(folder), tasks, rounds)
        yield from _latency(Path(folder), 50 if size.quick else 1000)
        yield from _backlog(Path(folder), 20_000 if size.quick else 1_000_000, rounds)


def figure(what: str, unit: str, samples: list[float], limit: float | None = None) -> Figure:
    return Figure(suite="journal", what=what, unit=unit, samples=tuple(samples), limit=limit)


# ------------------------------------------------------------------------------- throughput


def steps(first: int, tasks: int) -> list[list[Record]]:
    """What a dispatcher writes for so many tasks, each submitted and assigned in a step, and done LAG later."""
    found: list[list[Record]] = []
    count = tasks // BATCH
    for number in range(count + LAG):
        records: list[Record] = []
        if number < count:
            begin = first + number * BATCH
            records.append(Submitted(begin, "echo", [PAYLOAD] * BATCH, 1e9 + number))
            records += [_assigned(part) for part in range(begin, begin + BATCH, WINDOW)]
        if number >= LAG:
            begin = first + (number - LAG) * BATCH
            records += [_done(part) for part in range(begin, begin + BATCH, WINDOW)]
            records.append(Delivered(list(range(begin, begin + BATCH, WINDOW))))
        found.append(records)
    return found


def _assigned(first: int) -> Assigned:
    """Its send has the number of its first task."""
    ids = list(range(first, first + WINDOW))
    worker = first // WINDOW % 4
    return Assigned(first, "echo", f"echo-{worker}", f"r{worker}", ids, [1] * WINDOW, 1e9)


def _done(first: int) -> Done:
    worker = first // WINDOW % 4
    sent, began = 1e9 + first / 7, 1e9 + first / 3
    tasks = [(task, 1, sent, began, PAYLOAD, None) for task in range(first, first + WINDOW)]
    return Done("echo", f"echo-{worker}", f"r{worker}", 1e9 + first, tasks)


async def write_all(journal: SqliteJournal, batches: list[list[Record]]) -> None:
    waiting: deque[asyncio.Future[None]] = deque()
    for records in batches:
        waiting.append(journal.write(records))
        if len(waiting) == IN_FLIGHT:
            await waiting.popleft()
    while waiting:
        await waiting.popleft()


def _throughput(folder: Path, tasks: int, rounds: int) -> Iterator[Figure]:
    cpu, rate = [], []
    for turn in range(rounds):
        batches = steps(1, tasks)

        async def body(path: Path, batches: list[list[Record]]) -> tuple[float, float]:
            journal, _ = open_journal(path)
            began, used = time.perf_counter(), time.process_time()
            await write_all(journal, batches)
            taken, used = time.perf_counter() - began, time.process_time() - used
            await journal.close()
            return taken, used

        taken, used = asyncio.run(body(folder / f"rate{turn}.db", batches))
        cpu.append(used / tasks * 1e6)
        rate.append(tasks / taken)
    yield figure("submit, assign, done, fsynced: CPU a task", "µs", cpu, 2.5)
    yield figure("the same, tasks a second, nothing else running", "a second", rate)


# ------------------------------------------------------------------------------ Python's lock


class Watched(sqlite3.Connection):
    """Adds up the CPU time of its statements. SQLite works without Python's lock, all but what binds the values."""

    inside = 0.0

    def execute(self, *args: Any) -> sqlite3.Cursor:
        began = time.thread_time()
        try:
            return super().execute(*args)
        finally:
            self.inside += time.thread_time() - began


def _lock(folder: Path, tasks: int, rounds: int) -> Iterator[Figure]:
    """The writer's work without its thread: transactions of GROUP steps."""
    outside, share = [], []
    for turn in range(rounds):
        path = folder / f"lock{turn}.db"
        prepare(path)
        db = sqlite3.connect(path, isolation_level=None, cached_statements=256, factory=Watched)
        db.execute("PRAGMA synchronous = FULL")
        batches = steps(1, tasks)
        db.inside, began = 0.0, time.thread_time()
        for place in range(0, len(batches), GROUP):
            db.execute("BEGIN IMMEDIATE")
            fold.apply(db, batches[place : place + GROUP])
            db.execute("COMMIT")
        used = time.thread_time() - began
        outside.append((used - db.inside) / tasks * 1e6)
        share.append((used - db.inside) / used * 100)
        db.close()
    yield figure("of the writer's CPU a task: Python, under its lock", "µs", outside)
    yield figure("the same as a part of it all", "%", share)


# ----------------------------------------------------------------------------------- latency


def _latency(folder: Path, count: int) -> Iterator[Figure]:
    async def body() -> list[float]:
        journal, _ = open_journal(folder / "idle.db")
        taken = []
        for task in range(1, count + 1):
            began = time.perf_counter()
            await journal.write([Submitted(task, "echo", [PAYLOAD], 1e9 + task)])
            taken.append((time.perf_counter() - began) * 1e3)
            await asyncio.sleep(0.002)
        await journal.close()
        return taken

    taken = asyncio.run(body())
    for part in (0.5, 0.99):
        yield figure(
            f"one task submitted, idle: write to resolved, p{part * 100:.0f}",
            "ms",
            [percentile(taken, part)],
        )
    yield figure(
        "of it: fsync of as many pages, p50", "ms", [percentile(_fsyncs(folder, count), 0.5)]
    )
    hand = asyncio.run(_hand_over(count))
    yield figure("of it: to a thread and back, p50", "ms", [percentile(hand, 0.5)])


def _fsyncs(folder: Path, count: int) -> list[float]:
    taken = []
    fd = os.open(folder / "bare", os.O_CREAT | os.O_RDWR)
    try:
        for _ in range(count):
            began = time.perf_counter()
            os.write(fd, b"x" * 4120 * 5)
            os.fdatasync(fd)
            taken.append((time.perf_counter() - began) * 1e3)
            time.sleep(0.002)
    finally:
        os.close(fd)
    return taken


async def _hand_over(count: int) -> list[float]:
    loop = asyncio.get_running_loop()
    calls: queue.SimpleQueue[asyncio.Future[None] | None] = queue.SimpleQueue()

    def serve() -> None:
        while (future := calls.get()) is not None:
            loop.call_soon_threadsafe(future.set_result, None)

    thread = threading.Thread(target=serve)
    thread.start()
    taken = []
    for _ in range(count):
        began = time.perf_counter()
        future: asyncio.Future[None] = loop.create_future()
        calls.put(future)
        await future
        taken.append((time.perf_counter() - began) * 1e3)
        await asyncio.sleep(0.002)
    calls.put(None)
    thread.join()
    return taken


# ----------------------------------------------------------------------------------- backlog


def _backlog(folder: Path, queued: int, rounds: int) -> Iterator[Figure]:
    path = folder / "backlog.db"
    asyncio.run(_fill(path, queued))
    opened, paged, grown = [], [], []
    for _ in range(rounds):
        first, whole = asyncio.run(_first_page(path))
        opened.append(first)
        paged.append(whole)
        grown.append(_grown(path))
    what = f"{queued:,} queued"
    yield figure(f"{what}: opened and recovered", "ms", opened, 1000.0)
    yield figure(f"{what}: and the first page of 256 read", "ms", paged, 1000.0)
    yield figure(f"{what}: memory that it took at the most", "MiB", grown)
    reads = [asyncio.run(_pages(path, min(queued, 200_000))) for _ in range(rounds)]
    yield figure(f"{what}: CPU a task to read pages of 1,024", "µs", reads)


async def _fill(path: Path, queued: int) -> None:
    journal, _ = open_journal(path)
    batches: list[list[Record]] = [
        [Submitted(first, "echo", [PAYLOAD] * BATCH, 1e9)] for first in range(1, queued, BATCH)
    ]
    await write_all(journal, batches)
    await journal.close()


def _grown(path: Path) -> float:
    """MiB that opening and reading a page add to a process of its own."""
    program = f"from tests.bench.journal import show_growth; show_growth({str(path)!r})"
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT
    )
    return float(shown.stdout)


def show_growth(path: str) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    asyncio.run(_first_page(Path(path)))
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


async def _first_page(path: Path) -> tuple[float, float]:
    began = time.perf_counter()
    journal, _ = open_journal(path)
    opened = time.perf_counter() - began
    page = await journal.page("echo", 0, 0, 256)
    whole = time.perf_counter() - began
    assert page.more
    await journal.close()
    return opened * 1e3, whole * 1e3


async def _pages(path: Path, tasks: int) -> float:
    journal, _ = open_journal(path)
    used = time.process_time()
    after = read = 0
    while read < tasks:
        page = await journal.page("echo", 0, after, 1024)
        read += len(page.tasks)
        after = page.tasks[-1].id
        if not page.more:
            break
    used = time.process_time() - used
    await journal.close()
    return used / read * 1e6
