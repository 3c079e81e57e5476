"""How much FIFOs may hold: the capacity asked for, and what the kernel gave instead.

An unprivileged user whose FIFOs take more than `fs.pipe-user-pages-soft` pages together (64 MiB by
default) gets new ones of one or two pages and cannot enlarge any; nobody gets less than a FIFO
holds already (pipe(7)). Frames of 4,096 bytes pass all the same, so this is said, not fatal.
"""

from __future__ import annotations

from tmaxd.world.fifo import Fifo


class Capacity:
    """`size` is None until one is asked for: the kernel's default stays."""

    def __init__(self) -> None:
        self.size: int | None = None
        self._small: dict[str, tuple[int, str]] = {}

    def apply(self, fifo: Fifo) -> None:
        self._small.pop(fifo.path, None)
        if self.size is not None:
            why = fifo.resize(self.size)
            if why is not None:
                self._small[fifo.path] = (fifo.capacity(), why)

    def forget(self, path: str) -> None:
        self._small.pop(path, None)

    def problems(self) -> tuple[str, ...]:
        if not self._small:
            return ()
        least, why = min(self._small.values())
        return (
            f"{len(self._small)} of the FIFOs have another capacity (from {least} bytes) than the "
            f"{self.size} asked for: {why}. The kernel's limits are fs.pipe-max-size and "
            f"fs.pipe-user-pages-soft, see pipe(7)",
        )
