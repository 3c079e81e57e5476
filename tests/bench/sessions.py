"""128 labelled sessions up from an empty tmux: through the product's adapter, and in other ways for comparison."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.bench.figures import Figure, ratio
from tests.bench.size import Size
from tests.e2e.marks import end_all
from tmaxd.ports import Labels, Launch, Launched
from tmaxd.world.tmux import launching
from tmaxd.world.tmux.client import TmuxClient
from tmaxd.world.tmux.quoting import line

SESSIONS = 128
PROGRAM = ("sleep", "1000000")


class Place:
    """An empty tmux socket, and the environment by which all that comes of it is ended."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tmb-", dir="/tmp"))
        self.socket = self.folder / "tmux.sock"
        self.env = {"PATH": os.environ["PATH"], "HOME": "/", "BENCH": str(self.folder)}

    def tmux(self, *argv: str) -> str:
        return subprocess.run(
            ["tmux", "-S", str(self.socket), *argv],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    def count(self) -> int:
        """Sessions that carry all four labels."""
        rows = self.tmux(
            "list-sessions", "-F", "#{@tmax_fleet} #{@tmax_worker} #{@tmax_run}#{@tmax_spec}"
        )
        return rows.count(" rf1")

    def close(self) -> None:
        end_all(str(self.folder))
        shutil.rmtree(self.folder)


def labels(worker: str) -> Labels:
    return Labels(fleet="bench", worker=worker, run="r", fingerprint="f1")


def items() -> list[Launch]:
    """What the daemon would have started: a few variables for each worker."""
    env = {f"TMAX_{name}": f"/run/tmaxd/bench/{name}" for name in ("WORKER", "PIPES", "SPOOL")}
    return [
        Launch(labels=labels(f"w-{n}"), argv=PROGRAM, env=env, cwd="/") for n in range(SESSIONS)
    ]


def adapter(place: Place) -> float:
    async def all_of_it() -> float:
        client = TmuxClient(place.socket, "bench", place.env, on_change=lambda: None)
        wanted = items()
        begun = time.perf_counter()
        born = await client.launch(await client.start(), wanted)
        took = time.perf_counter() - begun
        assert all(isinstance(one, Launched) for one in born)
        await client.close()
        return took

    return asyncio.run(all_of_it())


def chained(place: Place) -> float:
    """One invocation. The chain is longer than the 16 KiB that tmux takes as arguments, so it comes as a file."""
    chain = place.folder / "chain"
    chain.write_bytes(b"".join(line(launching.create(item)) + b"\n" for item in items()))
    begun = time.perf_counter()
    place.tmux("-f", str(chain), "start-server")
    return time.perf_counter() - begun


def separate(place: Place) -> float:
    """A tmux process a session, one after the other."""
    begun = time.perf_counter()
    for item in items():
        argv = [word for command in launching.create(item) for word in (*command, ";")]
        place.tmux("-f", "/dev/null", *argv[:-1])
    return time.perf_counter() - begun


def libtmux(place: Place) -> float:
    from libtmux import Server

    server = Server(socket_path=place.socket, config_file="/dev/null")
    os.environ["BENCH"] = str(place.folder)
    try:
        begun = time.perf_counter()
        for item in items():
            session = server.new_session(
                item.labels.worker,
                window_command=" ".join(PROGRAM),
                start_directory="/",
                environment=dict(item.env),
                x=220,
                y=50,
            )
            for command in launching.create(item)[1:]:
                session.set_option(*command[-2:])
        return time.perf_counter() - begun
    finally:
        del os.environ["BENCH"]


WAYS: dict[str, tuple[Callable[[Place], float], int]] = {
    "tmaxd's adapter": (adapter, 9),
    "one chained tmux invocation": (chained, 9),
    "a tmux process a session": (separate, 3),
    "libtmux": (libtmux, 2),
}
"""What is compared, and in how many rounds each takes part."""


def run(size: Size) -> Iterator[Figure]:
    times: dict[str, list[float]] = {name: [] for name in WAYS}
    for turn in range(size.rounds(9)):
        for name, (way, rounds) in WAYS.items():
            if turn < rounds:
                times[name].append(once(way))
    for name, seconds in times.items():
        samples = tuple(s * 1000 for s in seconds)
        yield Figure(
            suite="sessions", what=f"{name}: {SESSIONS} sessions up", unit="ms", samples=samples
        )
    ours, chain, *_ = times.values()
    yield ratio("sessions", "adapter / chained", ours, chain, 1.25)


def once(way: Callable[[Place], float]) -> float:
    place = Place()
    try:
        took = way(place)
        assert place.count() == SESSIONS
        return took
    finally:
        place.close()
