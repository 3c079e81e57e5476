"""The memory store: what a put and a get cost a Python worker, what a frame costs a bash worker, how many puts a second
go in batches, and what remains of that with a million keys."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.bench.costs import memory_of
from tests.bench.figures import Figure
from tests.bench.size import Size
from tests.e2e.fleet import Fleet
from tmaxd.store.entries import Put
from tmaxd.store.limits import Limits
from tmaxd.worker.store import Store
from tmaxd.world.store import SqliteStore

MILLION = 1_000_000
VALUE = {"step": 3, "text": "what a worker has found out"}
WORKER = {"work": {"count": 1, "run": ["sleep", "1000000"]}}
FRAMES = """\
exec 3<>"$1"
begun=$EPOCHREALTIME
for ((i = 0; i < $2; i++)); do printf 'store\\tnotes\\tkey-%d\\t60\\t%s\\n' "$i" "what it has found out" >&3; done
ended=$EPOCHREALTIME
echo $(( (${ended/[.,]/} - ${begun/[.,]/}) ))
"""


def run(size: Size) -> Iterator[Figure]:
    fleet = Fleet()
    try:
        fleet.write(WORKER)
        daemon = fleet.start()
        store = Store(str(fleet.places.api_socket))
        yield from answered(size, store)
        yield from frames(size, fleet.folder)
        store.close()
        idle = memory_of(daemon)
        fleet.stop()
        keys = 20_000 if size.quick else MILLION
        asyncio.run(filled(fleet.places.memory, keys))
        fleet.write(WORKER, store={"namespaces": {"*": {"max_keys": keys, "max_size": "1GiB"}}})
        daemon = fleet.start()
        store = Store(str(fleet.places.api_socket))
        yield from many(size, store, keys)
        yield Figure(
            suite="store",
            what=f"the daemon's memory, {keys:,} keys",
            unit="MB",
            samples=(memory_of(daemon),),
            note=f"{idle:.0f} MB with the few keys from before",
        )
        store.close()
    finally:
        fleet.close(failed=False)


def answered(size: Size, store: Store) -> Iterator[Figure]:
    both, puts, rates = [], [], []
    count = 200 if size.quick else 2000
    store.put("warm", 1)
    for _ in range(size.rounds(5)):
        times = [
            (timed(store.put, f"k{i}", VALUE), timed(store.get, f"k{i}")) for i in range(count)
        ]
        both.append(middle([p + g for p, g in times]))
        puts.append(middle([p for p, _ in times]))
        values = {f"b{i}": VALUE for i in range(10 * count)}
        rates.append(len(values) / timed(store.put_many, values))
    note = "SDK, kept connection; p50 of each round"
    yield figure("put, then get, from Python", "ms", [t * 1e3 for t in both], 1.0, note)
    yield figure("of that the put, durable", "ms", [t * 1e3 for t in puts], None, "")
    yield figure(
        "puts in batches of 1,000", "a second", rates, 20_000, "one client, durable", "high"
    )


def frames(size: Size, folder: Path) -> Iterator[Figure]:
    """Somebody empties the FIFO as a daemon does, so that it is never full."""
    count, costs = 5000, []
    pipe = folder / "frames.pipe"
    subprocess.run(["mkfifo", str(pipe)], check=True)
    reader = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import os,sys\nf=os.open(sys.argv[1],os.O_RDWR)\nwhile 1:os.read(f,65536)",
            pipe,
        ]
    )
    try:
        for _ in range(size.rounds(5)):
            done = subprocess.run(
                ["bash", "-c", FRAMES, "bash", str(pipe), str(count)],
                stdout=subprocess.PIPE,
                check=True,
            )
            costs.append(int(done.stdout) / count / 1000)
    finally:
        reader.kill()
        reader.wait()
    yield figure("a store frame from bash (printf)", "ms", costs, 0.2, "written; the loop included")


async def filled(path: Path, keys: int) -> None:
    store = SqliteStore(path)
    limits = Limits()
    for begin in range(0, keys, 4096):
        numbers = range(begin, min(begin + 4096, keys))
        await store.write(
            [
                Put("many", f"key-{i:07}", "json", b'{"n":%d,"text":"some words"}' % i)
                for i in numbers
            ],
            time.time(),
            limits,
        )
    await store.close()


def many(size: Size, store: Store, keys: int) -> Iterator[Figure]:
    chance = random.Random(7)
    count = 100 if size.quick else 1000
    store.put("new", 1, ns="many")
    found: dict[str, list[float]] = {}
    for turn in range(size.rounds(3)):
        new = partial(fresh, store, turn)
        rounds: dict[str, Callable[[int], object]] = {
            "put of a new key, one evicted": new,
            "get of any key": lambda _: store.get(f"key-{chance.randrange(keys):07}", ns="many"),
        }
        for what, do in rounds.items():
            found.setdefault(what, []).append(middle([timed(do, i) for i in range(count)]))
    for what, samples in found.items():
        note = "p50 of each round; most come from disk" if "any" in what else "p50 of each round"
        yield figure(f"{what}, {keys:,} keys", "ms", [t * 1e3 for t in samples], None, note)
    values = {f"late-{i}": VALUE for i in range(20 * count)}
    rates = [len(values) / timed(store.put_many, values, ns="many")]
    yield figure(
        f"puts in batches, full namespace of {keys:,}", "a second", rates, None, "", "high"
    )


def fresh(store: Store, turn: int, number: int) -> int:
    return store.put(f"new-{turn}-{number}", VALUE, ns="many")


def timed(do: Callable[..., object], *args: object, **more: object) -> float:
    begun = time.perf_counter()
    do(*args, **more)
    return time.perf_counter() - begun


def middle(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def figure(
    what: str,
    unit: str,
    samples: list[float],
    limit: float | None,
    note: str,
    better: str = "low",
) -> Figure:
    return Figure(
        suite="store",
        what=what,
        unit=unit,
        samples=tuple(samples),
        limit=limit,
        better="high" if better == "high" else "low",
        note=note,
    )
