"""kill -9 of one of 128 healthy workers → its successor runs."""

from __future__ import annotations

import time
from collections.abc import Iterator

from tests.bench.contenders import Contender, contenders, figures_of
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size

PEERS = ("pm2", "circus", "supervisord")
WORKERS = {"tmaxd": 128, "pm2": 128, "circus": 16, "supervisord": 16}
ROUNDS = {"tmaxd": 40, "pm2": 40, "circus": 5, "supervisord": 5}
"""The two that look once a second are there for scale only."""
REST = 0.2
"""Seconds before each kill, in which whatever the last one caused comes to its end: the fleet is healthy."""


def run(size: Size) -> Iterator[Figure]:
    makers = contenders(size.peers, *PEERS)
    times: dict[str, list[float]] = {name: [] for name in makers}
    fleets: dict[str, Contender] = {}
    try:
        for name, make in makers.items():
            fleets[name] = make()
            fleets[name].up(WORKERS[name])
        for turn in range(size.rounds(40)):
            for name, fleet in fleets.items():
                if turn < ROUNDS[name]:
                    time.sleep(REST)
                    times[name].append(fleet.hit())
    finally:
        for fleet in fleets.values():
            fleet.close()
    yield from figures_of("crash", "kill -9 → successor runs", times, 6.0, *PEERS)
    if "pm2" in times:
        yield ratio("crash", "tmaxd / pm2", times["tmaxd"], times["pm2"], 1.0)
