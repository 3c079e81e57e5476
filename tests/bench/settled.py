"""One pass over a settled fleet, in this process: on the fakes at 1,000 workers, on real tmux at 200."""

from __future__ import annotations

import asyncio
import io
import os
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml

from tests.bench.figures import Figure
from tests.bench.size import Size
from tests.e2e.marks import end_all
from tmaxd.daemon.assemble import Ports, assemble
from tmaxd.daemon.environment import scrubbed
from tmaxd.daemon.fleet import TICK, Fleet
from tmaxd.daemon.housekeeping import LogKeeper
from tmaxd.daemon.log import EventLog
from tmaxd.daemon.specfile import SpecFile
from tmaxd.daemon.waker import Waker
from tmaxd.places import Places
from tmaxd.spec.load import load
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.containment import FakeContainment
from tmaxd.testing.footprints import FakeFootprints
from tmaxd.testing.processes import FakeProcesses
from tmaxd.testing.simulation import Simulation
from tmaxd.testing.store import FakeStore
from tmaxd.world.clock import SystemClock
from tmaxd.world.files import LocalFiles, read_for_spec
from tmaxd.world.folders import prepare
from tmaxd.world.journal import open_journal
from tmaxd.world.logs import rotate
from tmaxd.world.outputs import LogFiles
from tmaxd.world.pipes import FifoPipes
from tmaxd.world.probes import SystemProbes
from tmaxd.world.processes import LinuxProcesses
from tmaxd.world.tmux.client import TmuxClient

FAKE, REAL = 1000, 200


def run(size: Size) -> Iterator[Figure]:
    passes = 5 if size.quick else 100
    for where, measured in (
        (f"fake world, {FAKE} workers", on_fakes(passes)),
        (f"real tmux, {REAL} workers", asyncio.run(on_tmux(passes))),
    ):
        wall, cpu = zip(*measured, strict=True)
        limit = 25.0 if where.startswith("fake") else None
        yield Figure(
            suite="settled", what=f"a pass, {where}", unit="ms", samples=_ms(wall), limit=limit
        )
        yield Figure(suite="settled", what=f"its CPU time, {where}", unit="ms", samples=_ms(cpu))


def spec(workers: int, cwd: str) -> str:
    """Half of them have FIFOs."""
    kinds = {
        "run": {"run": ["sleep", "1000000"]},
        "task": {"task": ["true", "{payload}"]},
    }
    groups = {k: {"count": workers // 2, "cwd": cwd, **v} for k, v in kinds.items()}
    return str(yaml.safe_dump({"version": 1, "fleet": "sim", "workers": groups}))


def on_fakes(passes: int) -> list[tuple[float, float]]:
    simulation = Simulation(spec(FAKE, "/sim"))
    try:
        fleet = simulation.start()
        simulation.settle()
        return simulation.run(timed(fleet, simulation.clock, passes))
    finally:
        simulation.close()


async def on_tmux(passes: int) -> list[tuple[float, float]]:
    with TemporaryDirectory(prefix="tmb-", dir="/tmp") as name:
        folder = Path(name)
        tmux = None
        try:
            fleet, tmux = await _real(folder)
            while not (fleet.settled and _is_all_up(fleet)):
                await fleet.one_pass()
                await asyncio.sleep(0.02)
            return await timed(fleet, SystemClock(), passes)
        finally:
            if tmux is not None:
                await tmux.stop()
                await tmux.close()
                fleet.pipes.close()
                await fleet.journal.close()
            end_all(name)


def _is_all_up(fleet: Fleet) -> bool:
    """Healthy for so long, too, that nothing more will be said of them."""
    revisions, groups = fleet.desired.revisions, fleet.desired.wanted.groups
    there = len(fleet.state.look.observed.runs) == REAL
    return there and all(revisions.approved(name) for name in groups)


async def timed(
    fleet: Fleet, clock: FakeClock | SystemClock, passes: int
) -> list[tuple[float, float]]:
    """Wall and CPU seconds of passes that do all a pass can have to do: FIFOs are checked too."""
    taken = []
    for _ in range(passes):
        if isinstance(clock, FakeClock):
            clock.advance(TICK)
        else:
            fleet._next_tick = 0.0  # it is due
        wall, cpu = time.perf_counter(), time.process_time()
        await fleet.one_pass()
        taken.append((time.perf_counter() - wall, time.process_time() - cpu))
        assert fleet.settled
        await asyncio.sleep(0)
    return taken


async def _real(folder: Path) -> tuple[Fleet, TmuxClient]:
    file = folder / "tmax.yaml"
    file.write_text(spec(REAL, name := str(folder)))
    here = Places(runtime=folder / "r", state=folder / "s")
    prepare(here)
    env = scrubbed(os.environ) | {"BENCH": name}
    wake: Callable[[], None] = (waker := Waker()).wake
    journal, recovered = open_journal(here.database)
    tmux = TmuxClient(here.tmux_socket, "sim", env, on_change=wake)
    clock = SystemClock()
    ports = Ports(
        tmux=tmux,
        pipes=FifoPipes(here.pipes),
        processes=LinuxProcesses(),
        journal=journal,
        files=LocalFiles(here),
        probes=SystemProbes(env),
        outputs=LogFiles(here.logs),
        footprints=FakeFootprints(FakeProcesses()),
        containment=FakeContainment(),
        store=FakeStore,
        clock=clock,
        waker=waker,
        path=env["PATH"],
        owner="bench",
        new_run_id=lambda: secrets.token_hex(6),
        housekeeping=LogKeeper(here.logs, tmux, clock, rotate, lambda: False),
    )
    spec_file = SpecFile(file, read_for_spec, {}, name, "sim")
    found = load(file, read_for_spec, {}, name)
    fleet, _ = assemble(
        spec_file, found, here, ports, recovered, EventLog(clock, io.StringIO(), human=False)
    )
    return fleet, tmux


def _ms(seconds: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(s * 1000 for s in seconds)
