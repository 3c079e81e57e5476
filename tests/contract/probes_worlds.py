"""The two worlds in which the contract of `Probes` is tried: memory, and commands and servers of this machine."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from tmaxd.ports.probes import Answer, Exec, Http, Probes, Question, Tcp
from tmaxd.testing.probes import HANGS, FakeProbes
from tmaxd.world.probes import SystemProbes


class ProbesWorld(Protocol):
    probes: Probes

    def command(self, status: int, says: str = "") -> Question: ...
    def missing_command(self) -> Question: ...
    def hanging_command(self, says: str = "") -> Question: ...
    def closed_port(self) -> Question: ...
    async def open_port(self) -> Question: ...
    async def silent_server(self) -> Question:
        """It accepts, and never answers what it is asked."""
        ...

    async def page(self, status: int, says: str = "") -> Question: ...
    def left_over(self) -> bool:
        """Whether something of a question still runs."""
        ...

    async def close(self) -> None: ...


class FakeWorld:
    def __init__(self, folder: Path) -> None:
        self.fake = FakeProbes()
        self.probes: Probes = self.fake
        self._folder = folder
        self._names = 0

    def _told(self, answer: Answer, question: Question, key: str | tuple[str, ...]) -> Question:
        self.fake.answers[key] = answer
        return question

    def _name(self) -> str:
        self._names += 1
        return f"q{self._names}"

    def _exec(self, answer: Answer) -> Question:
        argv = (self._name(),)
        return self._told(answer, Exec(argv, {}, str(self._folder)), argv)

    def command(self, status: int, says: str = "") -> Question:
        bad = Answer(False, f"exit status {status}", says)
        return self._exec(Answer(True) if status == 0 else bad)

    def missing_command(self) -> Question:
        return self._exec(Answer(False, "cannot be run: [Errno 2] No such file or directory: 'x'"))

    def hanging_command(self, says: str = "") -> Question:
        return self._exec(HANGS)

    def closed_port(self) -> Question:
        name = self._name()
        return self._told(Answer(False, "connection refused"), Tcp(name), name)

    async def open_port(self) -> Question:
        return Tcp(self._name())

    async def silent_server(self) -> Question:
        name = self._name()
        return self._told(HANGS, Http(name), name)

    async def page(self, status: int, says: str = "") -> Question:
        name = self._name()
        good = 200 <= status < 400
        return self._told(Answer(good, "" if good else f"status {status}", says), Http(name), name)

    def left_over(self) -> bool:
        return self.fake.under_way > 0

    async def close(self) -> None: ...


Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class RealWorld:
    """Commands are shells that write their pids into a file; servers listen on a loopback port of their own."""

    def __init__(self, folder: Path) -> None:
        self.probes: Probes = SystemProbes({"PATH": os.environ["PATH"]})
        self._folder = folder
        self._pids = folder / "pids"
        self._servers: list[asyncio.Server] = []

    def command(self, status: int, says: str = "") -> Question:
        return self._shell(f'printf %s "$SAYS"; exit {status}', says)

    def missing_command(self) -> Question:
        return Exec(("there-is-no-such-program",), {}, str(self._folder))

    def hanging_command(self, says: str = "") -> Question:
        """With a child, as a script has one; neither listens to polite signals."""
        script = "trap '' TERM; sleep 1000 & echo $! >> pids; printf %s \"$SAYS\"; wait; sleep 1000"
        return self._shell(script, says)

    def _shell(self, script: str, says: str) -> Question:
        argv = ("sh", "-c", f"echo $$ >> pids; {script}")
        return Exec(argv, {"SAYS": says}, str(self._folder))

    def closed_port(self) -> Question:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
        return Tcp(f"127.0.0.1:{port}")

    async def _serve(self, talk: Talk) -> int:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    await talk(reader, writer)
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    async def open_port(self) -> Question:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None: ...

        return Tcp(f"127.0.0.1:{await self._serve(talk)}")

    async def silent_server(self) -> Question:
        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read()

        return Http(f"http://127.0.0.1:{await self._serve(talk)}/")

    async def answers(self, data: bytes) -> Question:
        """A server that says this to whatever it is asked."""

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(data)
            await writer.drain()

        return Http(f"http://localhost:{await self._serve(talk)}/health?a=1")

    async def page(self, status: int, says: str = "") -> Question:
        return await self.answers(f"HTTP/1.1 {status} X\r\nA: b\r\n\r\n{says}".encode())

    def left_over(self) -> bool:
        pids = self._pids.read_text().split() if self._pids.exists() else []
        return any(_lives(int(pid)) for pid in pids)

    async def close(self) -> None:
        for server in self._servers:
            server.close()
            await server.wait_closed()
        assert not self.left_over()


def _lives(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"
