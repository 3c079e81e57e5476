"""What processes use of the machine, when it was last measured."""

from __future__ import annotations

from typing import Literal

import msgspec


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """One process tree."""

    bytes: int
    basis: Literal["cgroup", "pss", "mixed", "rss"]
    """What `bytes` is: what its cgroup counts, less the page cache that goes first; proportional set sizes, where what
    processes share is counted once; resident set sizes, where it is counted for each; or of some of its processes the
    one, of the others the other."""
    rss: int
    """The sum of the resident set sizes."""
    mb_per_hour: float | None
    """By how much it grows, in 10^6 bytes an hour, over the last 120 samples at most; None before there are enough."""
    cpu: float | None
    """Cores that were busy with it since the sample before."""
    cpu_seconds: float
    """Processor time so far."""
    processes: int
    files: int | None
    """Open files; None where not every process would tell."""
    at: float
    """When it was measured."""


class UsageTotal(msgspec.Struct, frozen=True, kw_only=True):
    """Several of them."""

    bytes: int = 0
    mb_per_hour: float | None = None
    """Of those of which it is known; None: of none."""
    cpu: float | None = None
    processes: int = 0
    files: int | None = 0
    measured: int = 0
    """How many they are. One that lives and could not be measured is in none of these figures."""


class FleetUsage(msgspec.Struct, frozen=True, kw_only=True):
    bytes: int
    """All of it."""
    workers: UsageTotal
    spares: UsageTotal
    daemon: Usage | None
    """With the helpers that it has started."""
    tmux: Usage | None
    """The server alone."""
    free: int | None
    """Bytes that could be used without swapping: of the machine, or less where a cgroup around the fleet allows
    less."""
    at: float
    trouble: str = ""
    """Why nothing was measured since then; empty when nothing is wrong."""


class ContainmentStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How the processes of a run are held together."""

    kind: Literal["cgroup", "trees"] = "trees"
    """`cgroup`: each run has one of its own; `trees`: by session, descent and the mark in the environment."""
    limits: bool = False
    """The kernel keeps the limits `memory.high` and `memory.max`."""
    why: str = ""
    unkept: tuple[str, ...] = ()
    """Groups that ask for such limits, which nobody keeps."""
