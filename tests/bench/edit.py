"""Spec saved with one worker more, 128 there → the new one runs. Peers have 32, as their reload is slower."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench.contenders import Circus, Contender, Supervisord, Tmaxd
from tests.bench.figures import Figure
from tests.bench.size import Size

WORKERS, PEERS_WORKERS = 128, 32


def run(size: Size) -> Iterator[Figure]:
    peers = size.peers
    makers: dict[str, Callable[[], Contender]] = {"tmaxd": Tmaxd}
    if peers is not None:
        every: dict[str, Callable[[], Contender]] = {
            "circus": lambda: Circus(peers),
            "supervisord": lambda: Supervisord(peers),
        }
        makers |= {k: v for k, v in every.items() if k not in peers.missing()}
    times: dict[str, list[float]] = {name: [] for name in makers}
    fleets: dict[str, Contender] = {}
    try:
        for name, make in makers.items():
            fleets[name] = fleet = make()
            fleet.up(WORKERS if name == "tmaxd" else PEERS_WORKERS)
            if isinstance(fleet, Tmaxd):
                fleet.settled()
        for turn in range(size.rounds(20)):
            for name, fleet in fleets.items():
                if name == "tmaxd" or turn < 5:
                    times[name].append(fleet.grow())
    finally:
        for fleet in fleets.values():
            fleet.close()
    for name, seconds in times.items():
        there = WORKERS if name == "tmaxd" else PEERS_WORKERS
        yield Figure(
            suite="edit",
            what=f"{name}: saved → one worker more runs, {there} there",
            unit="ms",
            samples=tuple(s * 1000 for s in seconds),
            limit=100.0 if name == "tmaxd" else None,
        )
