"""exec of the daemon → 32 workers run, beside what peers need for the same."""

from __future__ import annotations

from collections.abc import Iterator

from tests.bench.contenders import Maker, Tmaxd, contenders, figures_of
from tests.bench.figures import Figure, ratio
from tests.bench.size import Size

WORKERS = 32
PEERS = ("circus", "pm2", "supervisord")


def run(size: Size) -> Iterator[Figure]:
    once(Tmaxd)  # writes byte code, fills the page cache
    makers = contenders(size.peers, *PEERS)
    times: dict[str, list[float]] = {name: [] for name in makers}
    for _ in range(size.rounds(9)):
        for name, make in makers.items():
            times[name].append(once(make))
    yield from figures_of("start", f"exec → {WORKERS} workers run", times, 230.0, *PEERS)
    if "circus" in times:
        yield ratio("start", "tmaxd / circus", times["tmaxd"], times["circus"], 1.0)


def once(make: Maker) -> float:
    contender = make()
    try:
        return contender.up(WORKERS)
    finally:
        contender.close()
