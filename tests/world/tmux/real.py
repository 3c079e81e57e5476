"""A tmux server of a test's own: a short folder, a client under test, and a plain command line beside it. Whatever
happens in the test, server, clients and folder are gone afterwards.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import TypeVar

from tests.waiting import DEADLINE, until
from tmaxd.ports import Labels, Launch, Launched, ServerId
from tmaxd.world.tmux.client import TmuxClient
from tmaxd.world.tmux.life import start_ticks

T = TypeVar("T")

FLEET = "demo"

PROGRAM = """stty -echo; echo up
while read -r what rest; do
  case $what in say) printf '%b' "$rest";; exit) exit "$rest";; esac
done"""
"""What a worker runs: it obeys the lines that are typed into it."""


def environment() -> dict[str, str]:
    return {"PATH": os.environ["PATH"], "HOME": "/", "LANG": "C.UTF-8"}


def job(
    worker: str,
    *argv: str,
    cwd: str = "/",
    env: Mapping[str, str] | None = None,
    pane_id: str | None = None,
) -> Launch:
    """A worker of the fleet; by default it runs `PROGRAM`."""
    return Launch(
        labels=Labels(fleet=FLEET, worker=worker, run=f"run-of-{worker}", fingerprint="f1"),
        argv=argv or ("sh", "-c", PROGRAM),
        env=env or {},
        cwd=cwd,
        pane_id=pane_id,
    )


async def answer(ask: Callable[[], Awaitable[T]], good: Callable[[T], object]) -> T:
    """Ask until the answer is good."""
    async with asyncio.timeout(DEADLINE):
        while True:
            got = await ask()
            if good(got):
                return got
            await asyncio.sleep(0.005)


class Real:
    def __init__(self, folder: Path, control: bool, deadline: float) -> None:
        self.folder = folder
        self.socket = folder / "tmux.sock"
        self.changes = 0
        self.servers: dict[int, int] = {}
        """Pid to kernel start time of each server that was started."""
        self._control = control
        self._deadline = deadline
        self._clients: list[TmuxClient] = []
        self.client = self.another()

    def another(self) -> TmuxClient:
        """A client as the next daemon has it."""
        client = TmuxClient(
            self.socket, FLEET, environment(), self._changed, self._deadline, self._control
        )
        self._clients.append(client)
        return client

    def _changed(self) -> None:
        self.changes += 1

    async def start(self) -> ServerId:
        server = await self.client.start()
        ticks = start_ticks(server.pid)
        assert ticks is not None
        self.servers[server.pid] = ticks
        return server

    async def up(self, worker: str, *argv: str) -> tuple[ServerId, Launched]:
        """One worker that runs, on a server that runs."""
        server = await self.start()
        (born,) = await self.client.launch(server, [job(worker, *argv)])
        assert isinstance(born, Launched)
        if not argv:
            await self.shows(server, born.pane_id, "up")
        return server, born

    async def cli(self, *argv: str) -> str:
        """tmux as a person uses it."""
        process = await asyncio.create_subprocess_exec(
            *("tmux", "-u", "-N", "-S", str(self.socket), *argv),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(),
        )
        out, err = await process.communicate()
        assert process.returncode == 0, (argv, err)
        return out.decode().removesuffix("\n")

    async def tell(self, worker: str, text: str) -> None:
        """Type a line into the worker."""
        await self.cli("send-keys", "-l", "-t", f"={worker}:", text + "\n")

    async def shows(self, server: ServerId, pane_id: str, text: str) -> str:
        """Wait until the pane shows the text, and return all it shows."""
        return await answer(
            lambda: self.client.capture(server, pane_id, 1000), lambda got: text in got
        )

    @contextlib.asynccontextmanager
    async def attached(self, session: str) -> AsyncIterator[asyncio.subprocess.Process]:
        """A client of somebody else's on the session. It leaves when its input is closed."""
        process = await asyncio.create_subprocess_exec(
            *("tmux", "-N", "-S", str(self.socket), "-C", "attach"),
            *("-f", "no-output,ignore-size", "-t", f"={session}"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(),
        )
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            await process.stdout.readuntil(b"%session-changed")
            yield process
        finally:
            process.stdin.close()
            await process.communicate()

    async def kill_server(self, server: ServerId) -> None:
        """The server dies without a word."""
        self.signal_server(server, signal.SIGKILL)
        await until(lambda: start_ticks(server.pid) is None, "the server is gone")

    def signal_server(self, server: ServerId, number: int) -> None:
        assert start_ticks(server.pid) == self.servers[server.pid]
        os.kill(server.pid, number)

    async def close(self) -> None:
        for pid, ticks in self.servers.items():
            if start_ticks(pid) == ticks:
                os.kill(pid, signal.SIGCONT)
        try:
            await self.client.stop()
        finally:
            for client in self._clients:
                await client.close()
            for pid, ticks in self.servers.items():
                if start_ticks(pid) == ticks:
                    os.kill(pid, signal.SIGKILL)
            shutil.rmtree(self.folder)


@contextlib.asynccontextmanager
async def real(*, control: bool = True, deadline: float = 5.0) -> AsyncIterator[Real]:
    # Under /tmp, not tmp_path: the path of a socket may have 107 bytes.
    world = Real(Path(tempfile.mkdtemp(prefix="tmx-", dir="/tmp")), control, deadline)
    try:
        yield world
    finally:
        await world.close()
