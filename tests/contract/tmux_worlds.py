"""The worlds in which the contract of `Tmux` is tried: memory, and a real server over either channel."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Protocol

from tests.world.tmux.real import Real, answer, job, real
from tmaxd.ports import Launch, Launched, Pane, ServerId, Tmux
from tmaxd.testing.tmux import FakeTmux

KINDS = ("fake", "control", "plain")


class TmuxWorld(Protocol):
    """A daemon's tmux, and what workers and people do on the other side."""

    @property
    def tmux(self) -> Tmux: ...
    def next_daemon(self) -> Tmux: ...
    def folder(self) -> Path: ...
    async def ready(self, server: ServerId, born: Launched) -> None: ...
    async def say(self, worker: str, text: str) -> None: ...
    async def exit(self, worker: str, status: int) -> None: ...
    async def signal(self, worker: str, number: int) -> None: ...
    async def read(self, file: Path) -> str: ...
    async def foreign(self, name: str) -> None: ...
    def attached(self, worker: str) -> contextlib.AbstractAsyncContextManager[None]: ...
    async def crash_server(self, server: ServerId) -> None: ...


class FakeWorld:
    def __init__(self) -> None:
        self.tmux = FakeTmux(on_spawn=self._prints, on_keys=self._obeys)

    def _prints(self, pid: int, launch: Launch) -> None:
        self.tmux.say(launch.labels.worker, "up\n")

    def _obeys(self, worker: str, keys: tuple[str, ...]) -> None:
        """As the program of the real worlds does."""
        if keys[0] == "C-c":
            self.tmux.die(worker, signal=signal.SIGINT)
        elif keys[-1] == "Enter":
            self.tmux.say(worker, "".join(keys[:-1]).removeprefix("say "))

    def next_daemon(self) -> Tmux:
        return self.tmux

    def folder(self) -> Path:
        self.tmux.missing_folders.add("/nowhere")
        return Path("/")

    async def ready(self, server: ServerId, born: Launched) -> None:
        assert await self.tmux.capture(server, born.pane_id, 1) == "up"

    async def say(self, worker: str, text: str) -> None:
        self.tmux.say(worker, text)

    async def exit(self, worker: str, status: int) -> None:
        self.tmux.die(worker, status=status)

    async def signal(self, worker: str, number: int) -> None:
        self.tmux.die(worker, signal=number)

    async def read(self, file: Path) -> str:
        return self.tmux.logs.get(file, "")

    async def foreign(self, name: str) -> None:
        self.tmux.foreign(name)

    @contextlib.asynccontextmanager
    async def attached(self, worker: str) -> AsyncIterator[None]:
        self.tmux.attach(worker, 1)
        yield
        self.tmux.attach(worker, 0)

    async def crash_server(self, server: ServerId) -> None:
        self.tmux.kill_server()


class RealWorld:
    def __init__(self, real: Real) -> None:
        self.real = real

    @property
    def tmux(self) -> Tmux:
        return self.real.client

    def next_daemon(self) -> Tmux:
        return self.real.another()

    def folder(self) -> Path:
        return self.real.folder

    async def ready(self, server: ServerId, born: Launched) -> None:
        await self.real.start()
        await self.real.shows(server, born.pane_id, "up")

    async def say(self, worker: str, text: str) -> None:
        await self.real.tell(worker, "say " + text.replace("\n", "\\n"))

    async def exit(self, worker: str, status: int) -> None:
        await self.real.tell(worker, f"exit {status}")

    async def signal(self, worker: str, number: int) -> None:
        view = await self.tmux.look()
        os.kill(next(pane.pid for pane in view.panes if pane.worker == worker), number)

    async def read(self, file: Path) -> str:
        return file.read_text().replace("\r\n", "\n") if file.exists() else ""

    async def foreign(self, name: str) -> None:
        await self.real.cli("new-session", "-d", "-s", name, "--", "sleep", "1000")

    @contextlib.asynccontextmanager
    async def attached(self, worker: str) -> AsyncIterator[None]:
        async with self.real.attached(worker):
            yield

    async def crash_server(self, server: ServerId) -> None:
        await self.real.kill_server(server)


@contextlib.asynccontextmanager
async def tmux_world(kind: str) -> AsyncIterator[TmuxWorld]:
    if kind == "fake":
        yield FakeWorld()
        return
    async with real(control=kind == "control") as world:
        yield RealWorld(world)


async def launch(world: TmuxWorld, *items: Launch) -> tuple[ServerId, list[Launched]]:
    """Start these on a server that runs, and wait until each has said that it is up."""
    server = await world.tmux.start()
    born = await world.tmux.launch(server, items)
    started = [one for one in born if isinstance(one, Launched)]
    assert len(started) == len(items), born
    for one in started:
        await world.ready(server, one)
    return server, started


async def workers(world: TmuxWorld, *names: str) -> tuple[ServerId, list[Launched]]:
    return await launch(world, *(job(name) for name in names))


async def sight(world: TmuxWorld) -> dict[str, Pane]:
    """Session name to pane."""
    return {pane.session: pane for pane in (await world.tmux.look()).panes}


async def dead(world: TmuxWorld, worker: str) -> Pane:
    """The worker's pane once tmux knows how it ended, nudged as the daemon does."""

    async def ask() -> Pane:
        await world.tmux.nudge()
        return (await sight(world))[worker]

    return await answer(ask, lambda pane: pane.dead and (pane.status, pane.signal) != (None, None))
