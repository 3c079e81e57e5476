"""The fakes with each other: a fake tmux and fake processes that tell one another who lives."""

from __future__ import annotations

import asyncio
import signal
import time

import pytest

from tmaxd.ports import Clock, Labels, Launch, Launched, Proc
from tmaxd.testing.clock import FakeClock
from tmaxd.testing.processes import FakeProcesses
from tmaxd.testing.tmux import FakeTmux
from tmaxd.world.clock import SystemClock


def launch(run: str, pane_id: str | None = None) -> Launch:
    labels = Labels(fleet="demo", worker="check-1", run=run, fingerprint="f")
    return Launch(labels=labels, argv=("cat",), env={}, cwd="/", pane_id=pane_id)


def test_tmux_and_processes_agree_on_who_lives() -> None:
    processes = FakeProcesses()
    tmux = FakeTmux(on_spawn=processes.on_spawn, on_death=processes.on_death)
    processes.on_end = tmux.exited
    told: list[Proc] = []

    async def scenario() -> None:
        server = await tmux.start()
        (started,) = await tmux.launch(server, [launch("r1")])
        assert isinstance(started, Launched)
        proc = processes.identify(started.pid)
        assert proc is not None
        child = processes.spawn(parent=proc.pid)
        assert await processes.trees({"r1": proc}) == {"r1": {proc, child}}
        processes.watch(proc, lambda: told.append(proc))

        processes.signal(proc, signal.SIGKILL)
        (pane,) = (await tmux.look()).panes
        assert (pane.dead, pane.signal, pane.status) == (True, signal.SIGKILL, None)
        assert await processes.trees({"r1": proc}) == {"r1": {child}}

        (again,) = await tmux.launch(server, [launch("r2", pane.pane_id)])
        assert isinstance(again, Launched)
        second = processes.identify(again.pid)
        assert second is not None
        processes.watch(second, lambda: told.append(second))
        await tmux.kill(server, [pane.session_id])
        assert processes.identify(again.pid) is None
        await asyncio.sleep(0)
        assert told == [proc, second]

    asyncio.run(scenario())


def test_the_fake_clock_passes_only_when_told() -> None:
    clock: Clock = FakeClock()
    now, wall = clock.now(), clock.wall()
    assert isinstance(clock, FakeClock)
    clock.advance(5)
    clock.jump_wall(-3600)
    assert clock.now() == now + 5
    assert clock.wall() == wall + 5 - 3600
    with pytest.raises(ValueError, match="cannot advance"):
        clock.advance(-1)


def test_the_system_clock_is_the_system_s() -> None:
    clock: Clock = SystemClock()
    assert time.monotonic() <= clock.now() <= time.monotonic()
    assert time.time() <= clock.wall() <= time.time()
