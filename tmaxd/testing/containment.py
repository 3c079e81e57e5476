"""`FakeContainment`: the port `Containment` in memory. By default it has no cages to give."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from tmaxd.ports import Proc
from tmaxd.ports.containment import Held, Limits


class Cage(msgspec.Struct):
    limits: Limits = Limits()
    pids: set[int] = msgspec.field(default_factory=set)
    oom_kills: int = 0
    killed: bool = False


class FakeContainment:
    def __init__(self, held: Held | None = None) -> None:
        self.held = held or Held(why="process trees by session, descent and mark: a fake")
        self.cages: dict[str, Cage] = {}
        self.servers: list[int] = []
        self.removed: list[str] = []

    def find(self, server_pid: int) -> None:
        self.servers.append(server_pid)

    def enter(self, run: str, limits: Limits) -> tuple[str, ...]:
        if not (limits and self.held.limits):
            return ()
        self.cages[run] = Cage(limits)
        return ("/bin/sh", "-c", 'exec "$@"', f"/cages/{run}")

    def join(self, runs: Mapping[str, Proc]) -> None:
        if self.held.kind == "cgroup":
            for run, proc in runs.items():
                if run not in self.cages:
                    self.cages[run] = Cage(pids={proc.pid})

    def limit(self, run: str, limits: Limits) -> None:
        if run in self.cages:
            self.cages[run].limits = limits

    def members(self, run: str) -> frozenset[int]:
        cage = self.cages.get(run)
        return frozenset(cage.pids) if cage is not None else frozenset()

    def kill(self, run: str) -> bool:
        cage = self.cages.get(run)
        if cage is None:
            return False
        cage.killed = True
        cage.pids.clear()
        return True

    def oom_kills(self, run: str) -> int:
        cage = self.cages.get(run)
        return cage.oom_kills if cage is not None else 0

    def remove(self, run: str) -> None:
        if self.cages.pop(run, None) is not None:
            self.removed.append(run)

    def tidy(self, known: Iterable[str]) -> None:
        for run in self.cages.keys() - set(known):
            self.remove(run)

    def close(self) -> None:
        pass
