"""The port `Footprints`: what the process trees of runs use of the machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

import msgspec

from tmaxd.ports.processes import Proc

Basis = Literal["cgroup", "pss", "mixed", "rss"]
"""What the bytes are: the cgroup's own count, less the page cache that goes first; proportional set sizes, where what
processes share is counted once; resident set sizes, where it is counted for each; or `mixed`: of some of the processes
the one, of the others the other."""


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """A whole process tree at one instant."""

    bytes: int
    basis: Basis
    rss: int
    """The sum of the resident set sizes."""
    cpu: float
    """Seconds of processor time so far, with that of children that have ended and were waited for."""
    processes: int
    files: int | None
    """Open files of all of them together; None where not every one would tell."""
    oom_kills: int = 0
    """How often the kernel has killed one of them because memory was short, as far as its cgroup counts that."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    runs: Mapping[str, Measured] = {}
    """By run id. A run that could not be measured, or has ended, is left out."""
    daemon: Measured | None = None
    """This process, and the helpers that it has started itself."""
    server: Measured | None = None
    """The tmux server alone."""
    free: int | None = None
    """Bytes that could be used without swapping: of the machine, or less where a cgroup around us allows less; None:
    that is not known."""


class Footprints(Protocol):
    async def sample(self, runs: Mapping[str, Proc | None], server: int | None) -> Sample:
        """Run id to its first process, as for `Processes.trees`; `server`: the pid of the tmux server. Nothing of it is
        done in the loop's thread. Raises `Unknown` when `/proc` cannot be read, or not in time."""
