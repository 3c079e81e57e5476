"""The port `Containment`: a cage of its own for each run, which no process of it can leave, where the system allows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

import msgspec

from tmaxd.ports.processes import Proc


class Limits(msgspec.Struct, frozen=True):
    """Bytes; None: no such limit."""

    high: int | None = None
    """Beyond it the kernel slows the run down, and takes back what it can."""
    max: int | None = None
    """Beyond it the kernel kills the run, all of it."""

    def __bool__(self) -> bool:
        return self.high is not None or self.max is not None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """How runs are held together."""

    kind: Literal["cgroup", "trees"] = "trees"
    """`trees`: by session, descent and the mark in the environment alone."""
    limits: bool = False
    """The kernel keeps their limits of memory."""
    why: str = "not looked at yet"
    """Half a sentence: what it rests on, or why there is no more of it."""


class Containment(Protocol):
    """Nothing here raises: where a cage cannot be had, there is none, and `held` says why."""

    @property
    def held(self) -> Held: ...

    def find(self, server_pid: int) -> None:
        """Decide how runs are held, for workers of this tmux server. Cheap where that has been decided."""

    def enter(self, run: str, limits: Limits) -> tuple[str, ...]:
        """Make the run's cage with these limits. What comes back goes before the arguments of its program, so that it
        stands in the cage from its first instruction. Empty: there is no such cage."""

    def join(self, runs: Mapping[str, Proc]) -> None:
        """Cages for runs that have just been started without; children that they have already stay outside. May take
        20 ms: not for the loop's thread."""

    def limit(self, run: str, limits: Limits) -> None:
        """From now on. A run without a cage is no error."""

    def members(self, run: str) -> frozenset[int]:
        """Pids of all that stand in its cage; empty where there is none."""

    def kill(self, run: str) -> bool:
        """SIGKILL for all that stand in its cage, in one step. False: it has none."""

    def oom_kills(self, run: str) -> int:
        """How often the kernel has killed something in there because memory was short."""

    def remove(self, run: str) -> None:
        """The run is over: its cage goes, as soon as nothing stands in it."""

    def tidy(self, known: Iterable[str]) -> None:
        """Remove empty cages of all runs but these."""

    def close(self) -> None:
        """The daemon ends. What is empty goes; runs that live on stay in their cages."""
