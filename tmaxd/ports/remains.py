"""The port `Remains`: what stands in the fleet's own folders and may belong to nobody any more."""

from __future__ import annotations

from typing import Literal, Protocol

import msgspec

Kind = Literal["fifo", "gone", "spool", "temporary"]
"""`fifo`: the second name of a FIFO that has no first one. `gone`: the folder of a worker whose removal was not
finished. `spool`: a worker's folder for long results. `temporary`: a file that a daemon was writing when it died."""


class Remnant(msgspec.Struct, frozen=True, kw_only=True):
    kind: Kind
    path: str
    owner: str
    """The worker, inbox, outbox or group that it was of; empty where it was the fleet's."""
    at: float
    """Wall time when it was last changed."""
    bytes: int


class Remains(Protocol):
    async def find(self) -> tuple[Remnant, ...]:
        """Off the loop: all there are, in use or not; a bounded number of them. Raises `Unknown` when it cannot be
        told."""

    def remove(self, remnant: Remnant) -> bool:
        """Takes microseconds. False: it is gone, holds something, or is not what it was. Raises OSError."""
