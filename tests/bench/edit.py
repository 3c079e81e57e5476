"""Spec saved with one worker more, 128 there → the new one runs. Peers have 32, as their reload is slower."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.contenders import Contender, Tmaxd, contenders, figures_of
from tests.bench.figures import Figure
from tests.bench.size import Size

PEERS = ("circus", "supervisord")
WORKERS = {"tmaxd": 128, "circus": 32, "supervisord": 32}
ROUNDS = {"tmaxd": 20, "circus": 5, "supervisord": 5}


def run(size: Size) -> Iterator[Figure]:
    makers = contenders(size.peers, *PEERS)
    times: dict[str, list[float]] = {name: [] for name in makers}
    fleets: dict[str, Contender] = {}
    try:
        for name, make in makers.items():
            fleets[name] = fleet = make()
            fleet.up(WORKERS[name])
            if isinstance(fleet, Tmaxd):
                fleet.settled()
        for turn in range(size.rounds(20)):
            for name, fleet in fleets.items():
                if turn < ROUNDS[name]:
                    times[name].append(fleet.grow())
    finally:
        for fleet in fleets.values():
            fleet.close()
    yield from figures_of("edit", "saved → one worker more runs", times, 100.0, *PEERS)
