"""exec of the daemon → 32 workers run, beside what peers need for the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tests.bench.contenders import Circus, Contender, Pm2, Supervisord, Tmaxd
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size

WORKERS = 32


def run(size: Size) -> Iterator[Figure]:
    makers: dict[str, Callable[[], Contender]] = {"tmaxd": Tmaxd}
    peers = size.peers
    absent = peers.missing() if peers else []
    if peers is not None:
        every: dict[str, Callable[[], Contender]] = {
            "circus": lambda: Circus(peers),
            "supervisord": lambda: Supervisord(peers),
            "pm2": lambda: Pm2(peers),
        }
        makers |= {name: make for name, make in every.items() if name not in absent}
    once(Tmaxd)  # writes byte code, fills the page cache
    times: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(size.rounds(9)):
        for name, make in makers.items():
            times[name].append(once(make))
    for name, seconds in times.items():
        yield Figure(
            suite="start",
            what=f"{name}: exec → {WORKERS} workers run",
            unit="ms",
            samples=tuple(s * 1000 for s in seconds),
            limit=230.0 if name == "tmaxd" else None,
        )
    if "circus" in times:
        yield ratio("start", "tmaxd / circus", times["tmaxd"], times["circus"], 1.0)
    for name in absent:
        yield Figure(suite="start", what=name, unit="ms", samples=(), note="not installed")


def once(make: Callable[[], Contender]) -> float:
    contender = make()
    try:
        return contender.up(WORKERS)
    finally:
        contender.close()
