"""kill -9 of one of 128 healthy workers → its successor runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from tests.bench.contenders import Circus, Contender, Pm2, Supervisord, Tmaxd
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size

WORKERS = 128
REST = 0.2
"""Seconds before each kill, in which whatever the last one caused comes to its end: the fleet is healthy."""


def run(size: Size) -> Iterator[Figure]:
    """tmaxd and pm2 in turns; the others, which poll once a second, a few times for scale."""
    peers = size.peers
    makers: dict[str, Callable[[], Contender]] = {"tmaxd": Tmaxd}
    if peers is not None:
        every: dict[str, Callable[[], Contender]] = {
            "pm2": lambda: Pm2(peers),
            "circus": lambda: Circus(peers),
            "supervisord": lambda: Supervisord(peers),
        }
        makers |= {k: v for k, v in every.items() if k not in peers.missing()}
    times: dict[str, list[float]] = {name: [] for name in makers}
    fleets: dict[str, Contender] = {}
    try:
        for name, make in makers.items():
            fleets[name] = make()
            fleets[name].up(WORKERS if name in ("tmaxd", "pm2") else 16)
        for turn in range(size.rounds(40)):
            for name, fleet in fleets.items():
                if name in ("tmaxd", "pm2") or turn < 5:
                    time.sleep(REST)
                    times[name].append(fleet.hit())
    finally:
        for fleet in fleets.values():
            fleet.close()
    for name, seconds in times.items():
        yield Figure(
            suite="crash",
            what=f"{name}: kill -9 → successor runs",
            unit="ms",
            samples=tuple(s * 1000 for s in seconds),
            limit=6.0 if name == "tmaxd" else None,
        )
    if "pm2" in times:
        yield ratio("crash", "tmaxd / pm2", times["tmaxd"], times["pm2"], 1.0)
