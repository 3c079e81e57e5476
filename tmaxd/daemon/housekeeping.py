"""Small periodic duties that no user waits for: logs that have grown too large."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path

from tmaxd.daemon.observe import Look
from tmaxd.ports import Clock, Tmux, Unknown, WorldError

EVERY = 10.0
"""Seconds between two looks at the sizes: a pane that writes 100 MB/s overshoots the limit by that much."""


class LogKeeper:
    """Rotates `logs/WORKER.log` by size, and points the pane at the new file; the daemon's own log, too."""

    def __init__(
        self,
        folder: Path,
        tmux: Tmux,
        clock: Clock,
        rotate: Callable[[Path], bool],
        rotate_own: Callable[[], bool],
    ) -> None:
        self._folder = folder
        self._tmux = tmux
        self._clock = clock
        self._rotate = rotate
        self._rotate_own = rotate_own
        self._due = 0.0
        self._task: asyncio.Task[None] | None = None

    def __call__(self, look: Look) -> None:
        """Begin a round over the panes last seen, if one is due and none is under way."""
        now = self._clock.now()
        if now >= self._due and (self._task is None or self._task.done()):
            self._due = now + EVERY
            self._task = asyncio.ensure_future(self._round(look))

    async def _round(self, look: Look) -> None:
        files = {p.pane_id: self._folder / f"{worker}.log" for worker, p in look.panes.items()}
        rotated = await asyncio.to_thread(self._rotate_all, files)
        if look.server is not None and rotated:
            try:
                await self._tmux.log_to(look.server, rotated)
            except (Unknown, WorldError):
                # The old pipe goes on writing to the renamed file; the next round finds it small again.
                return

    def _rotate_all(self, files: Mapping[str, Path]) -> dict[str, Path]:
        with contextlib.suppress(OSError, WorldError):
            self._rotate_own()
        return {pane: path for pane, path in files.items() if self._safely(path)}

    def _safely(self, path: Path) -> bool:
        """One log that cannot be rotated does not keep the others from it."""
        try:
            return self._rotate(path)
        except (OSError, WorldError):
            return False
