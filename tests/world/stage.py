"""Real pipes in a folder, as a stage for tests of what only real FIFOs can show."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tmaxd.world.pipes import FifoPipes

W = "check-1"


class Stage:
    """Pipes in a folder, made and closed inside one event loop."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "pipes"
        self.pipes = FifoPipes(self.folder)
        self.lines = b""

    def on_line(self, _owner: str, data: bytes) -> None:
        self.lines += data

    def path(self, pipe: str = "tasks") -> Path:
        return self.folder / W / f"{pipe}.pipe"

    def play(self, scenario: Callable[[], Awaitable[None]]) -> None:
        async def main() -> None:
            await scenario()

        asyncio.run(main())
