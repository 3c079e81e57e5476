"""A rolling change of 100 workers, ten at a time, while 2,000 tasks a second flow; and the books afterwards."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from tests.bench.contenders import Tmaxd
from tests.bench.figures import Figure
from tests.bench.size import Size
from tests.bench.stream import Stream, chunk_of
from tests.bench.taskfleet import api, ready

WORKERS, DOWN = 100, 10
RATE = 2000.0
"""Tasks a second that are to flow."""
PACE = 1.02
"""So much more is submitted, so that the target is not missed by the edge of a measurement."""
EVERY = 0.05
"""Seconds between two batches."""
STEADY = 4.0
"""Seconds for which the flow is measured before and after."""

PROGRAM = """\
import os, sys
from tmaxd.worker import serve
ledger = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def handle(task):
    os.write(ledger, b"b " + task.payload.encode() + b"\\n")
    os.write(ledger, b"e " + task.payload.encode() + b"\\n")
    return task.payload

serve(handle, window=16)
"""


def run(size: Size) -> Iterator[Figure]:
    workers = 20 if size.quick else WORKERS
    rows: list[dict[str, float]] = []
    for _ in range(size.rounds(3)):
        fleet = Tmaxd()
        try:
            rows.append(change(fleet, workers))
        finally:
            fleet.close()
    yield _figure(rows, "seconds", f"{workers} workers changed, {DOWN} at a time", "s")
    for when in ("before", "during", "after"):
        what = f"tasks ended, {when}" + (" the change" if when != "during" else " it")
        yield _figure(rows, when, what, "a second", limit=RATE if when == "during" else None)
    yield _figure(rows, "down", "workers without a process at once, at most", "", limit=DOWN)
    yield _figure(rows, "lost", "tasks that never ended", "", limit=0)
    yield _figure(rows, "twice", "tasks that were begun twice", "", limit=0)


def _figure(
    rows: list[dict[str, float]], key: str, what: str, unit: str, limit: float | None = None
) -> Figure:
    samples = tuple(row[key] for row in rows)
    better: Literal["low", "high"] = "high" if unit == "a second" else "low"
    return Figure(
        suite="rollout", what=what, unit=unit, samples=samples, limit=limit, better=better
    )


def change(fleet: Tmaxd, workers: int) -> dict[str, float]:
    """One rolling change, measured."""
    ledger = fleet.folder / "ledger"
    configure(fleet, ledger, "one")
    fleet.configure(workers)
    fleet.spawn(fleet.argv())
    fleet.settled()
    ready(fleet, workers)
    found: dict[str, float] = {}
    with Flow(fleet) as flow:
        time.sleep(1.0)  # it has come to its pace
        found["before"], _ = measured(fleet, STEADY)
        configure(fleet, ledger, "two")
        fleet.configure(workers)
        found["during"], found["seconds"] = measured(fleet)
        found["after"], _ = measured(fleet, STEADY)
    fleet.fleet.await_done("w", flow.sent)
    return found | books(fleet, ledger, flow.sent, workers)


def configure(fleet: Tmaxd, ledger: Path, mark: str) -> None:
    program = fleet.folder / "worker.py"
    if not program.exists():
        program.write_text(PROGRAM)
    fleet.group = {
        "serve": [sys.executable, str(program), str(ledger)],
        "env": {"PYTHONPATH": fleet.env["PYTHONPATH"], "MARK": mark},
        "rollout": {"max_unavailable": DOWN},
        "retry": {"attempts": 1},
    }


def measured(fleet: Tmaxd, seconds: float | None = None) -> tuple[float, float]:
    """Tasks that ended a second, and seconds; without `seconds`, until the change is over."""
    done, begun = fleet.fleet.group("w")["done"], time.perf_counter()
    if seconds is None:
        fleet.fleet.settle()
    else:
        time.sleep(seconds)
    taken = time.perf_counter() - begun
    return (fleet.fleet.group("w")["done"] - done) / taken, taken


class Flow:
    """Tasks at an even pace, each with a payload of its own, from `with` to its end."""

    def __init__(self, fleet: Tmaxd) -> None:
        self.sent = 0
        self._api = api(fleet)
        self._over = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Flow:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            with Stream(self._api, "w") as stream:
                begun = time.perf_counter()
                while not self._over.wait(EVERY):
                    due = int((time.perf_counter() - begun) * RATE * PACE)
                    stream.send(chunk_of(b"".join(b'"%d"\n' % n for n in range(self.sent, due))))
                    self.sent = due
                    stream.until(due)
        except BaseException as error:  # noqa: BLE001  # it is raised where it is waited for
            self._error = error


def books(fleet: Tmaxd, ledger: Path, sent: int, workers: int) -> dict[str, float]:
    """What the workers wrote down themselves, and what the daemon's log says of their lives."""
    lines = Counter(ledger.read_text().splitlines())
    alive: set[str] = set()
    down, whole = 0, False
    for line in (fleet.folder / "out.log").read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "started":
            alive.add(event["worker"])
        elif event["event"] == "ended":
            alive.discard(event["worker"])
        whole = whole or len(alive) == workers
        down = max(down, workers - len(alive)) if whole else 0
    return {
        "down": float(down),
        "lost": float(sum(lines[f"e {n}"] == 0 for n in range(sent))),
        "twice": float(sum(lines[f"b {n}"] > 1 for n in range(sent))),
    }
