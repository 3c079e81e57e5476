"""The port `Processes`: who lives, what belongs to whom, and signals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec


class Proc(msgspec.Struct, frozen=True, order=True):
    """A process that cannot be confused with a later one of the same pid."""

    pid: int
    start: int
    """Clock ticks since boot, field 22 of `/proc/PID/stat` (proc(5))."""


class Processes(Protocol):
    def identify(self, pid: int) -> Proc | None:
        """The living process of this pid; None when there is none, or only a zombie."""

    def watch(self, proc: Proc, on_exit: Callable[[], None]) -> None:
        """Call `on_exit` once, from the event loop, when the process ends (pidfd; polling where the kernel
        has none); also when it had ended before. A second watch of the same process replaces the first."""

    def unwatch(self, proc: Proc) -> None: ...

    async def trees(self, runs: Mapping[str, Proc | None]) -> dict[str, frozenset[Proc]]:
        """Run id to the processes alive that belong to it: the leader given, every member of the leader's
        session, all descendants of these, and every process with `TMAX_RUN=<run id>` in its
        environment. Zombies do not count. Raises `Unknown` when `/proc` cannot be read."""

    def signal(self, proc: Proc, number: int) -> bool:
        """Send through a pidfd, so that a reused pid is never hit. False: it is gone already. A process that
        may not be signalled (another user's, this one, init) is a WorldError."""

    def ignores(self, proc: Proc, number: int) -> bool:
        """The process has set this signal to be ignored (`SigIgn`, proc(5)), as interactive shells do with
        SIGTERM. False when that cannot be told."""

    def killed_by(self, proc: Proc) -> int | None:
        """The signal that has ended this process, while its parent has not reaped it. None when it ended
        otherwise, lives, or that cannot be told (any more)."""

    def boot_id(self) -> str: ...
