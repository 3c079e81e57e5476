"""The port `Orphans`: processes that a worker has left behind, and nobody looks after any more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from tmaxd.ports.processes import Proc


class Orphan(msgspec.Struct, frozen=True, kw_only=True):
    """One process that belongs to none of the runs that are known."""

    proc: Proc
    run: str
    """The run by whose mark it is known, its own or that of a parent."""
    worker: str
    """The worker that this run was, as the mark says; empty without one."""
    command: str
    """The first word of its command line, printable and short; no more of it, since arguments may hold secrets."""
    age: float
    """Seconds since it was started."""
    bytes: int
    """What would come back (PSS, else RSS); 0 where that is not to be read."""


class Orphans(Protocol):
    async def find(self, owner: str, runs: Mapping[str, Proc | None]) -> tuple[Orphan, ...]:
        """The living processes that carry `TMAX_OWNER=<owner>` and a `TMAX_RUN` that is none of `runs` (run id to its
        leader, if that is known), and what they have started in their own session that carries no mark (programs that
        start others with a clean environment). By start, so that parents come first.

        Left out is whatever belongs to a tree of `runs` (`Processes.trees`), this process and all above it, and what
        is not ours to look at. Raises `Unknown` when `/proc` cannot be read. One may have been started an instant ago:
        whether its run is really unknown is for the caller to judge."""
