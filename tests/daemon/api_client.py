"""The real API before a made-up fleet, and a client for raw requests to it."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, UnixConnector

from tests.ctl.fake_fleet import FakeFleet
from tests.ctl.harness import conforms
from tmaxd.daemon.api import server


class Client:
    def __init__(self, session: ClientSession, fleet: FakeFleet, folder: Path) -> None:
        self._session = session
        self.fleet = fleet
        self.folder = folder

    @property
    def socket(self) -> Path:
        return self.folder / "api.sock"

    @property
    def spool(self) -> Path:
        return self.folder / "spool"

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """(status, decoded JSON, or text where it is none)."""
        async with self._session.request(method, f"http://tmaxd{path}", **options) as response:
            text = await response.text()
            if response.content_type == "application/json":
                return response.status, json.loads(text)
            return response.status, text

    def request(self, method: str, path: str, **options: Any) -> AbstractAsyncContextManager[Any]:
        """The response as it comes."""
        return self._session.request(method, f"http://tmaxd{path}", **options)

    async def refused(self, method: str, path: str, **options: Any) -> tuple[int, str, str]:
        status, body = await self.ask(method, path, **options)
        conforms(body, "Refused")
        return status, body["error"], body["message"]

    async def submit(self, *payloads: str) -> None:
        status, _ = await self.ask(
            "POST",
            "/v1/tasks?group=check",
            data=BytesIO(json.dumps(payloads).encode()),
            headers={"Content-Type": "application/json"},
        )
        assert status == 200


@asynccontextmanager
async def serving(
    owners: frozenset[int] | None = None, keep_alive: float = server.KEEP_ALIVE
) -> AsyncIterator[Client]:
    # A short path: a socket's may have 107 bytes (unix(7)).
    folder = Path(tempfile.mkdtemp(prefix="tmx", dir="/tmp"))
    try:
        (folder / "spool").mkdir()
        fleet = FakeFleet()
        api = await server.start(fleet, folder / "api.sock", folder / "spool", owners, keep_alive)
        try:
            connector = UnixConnector(str(folder / "api.sock"))
            async with ClientSession(connector=connector) as session:
                yield Client(session, fleet, folder)
        finally:
            await api.close()
    finally:
        shutil.rmtree(folder)


def run(
    test: Callable[[Client], Awaitable[None]],
    owners: frozenset[int] | None = None,
    keep_alive: float = server.KEEP_ALIVE,
) -> None:
    async def whole() -> None:
        async with serving(owners, keep_alive) as client:
            await test(client)

    asyncio.run(whole())
