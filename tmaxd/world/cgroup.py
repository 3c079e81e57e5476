"""The port `Containment` with cgroups (version 2): one a run, below one of the fleet's own.

Who stands in a cgroup cannot leave it by forking, by a session of its own or by another environment, and `cgroup.kill`
ends all of them in one step (Linux 5.14). Where memory is counted, too, the kernel keeps a limit for the whole tree.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from tmaxd.ports import Proc, Unknown
from tmaxd.ports.containment import Held, Limits
from tmaxd.world import procfs
from tmaxd.world.cgroup_base import (
    Surroundings,
    enable,
    find_base,
    make,
    path_of,
    remove,
    surroundings,
    write,
)
from tmaxd.world.memory import charged, read_text

ENTER = '{ echo 0 > "$0/cgroup.procs"; } 2>/dev/null; exec "$@"'
"""For `sh -c`: the shell moves itself and becomes the program, whose words it never reads. It costs a worker's start
1 ms, so only those who have a limit enter like this; all others are moved when they run (`join`)."""
LONGEST = 200
"""Characters of a state folder's path that go into a name, which may have 255 bytes."""


def name_of(state: Path) -> str:
    """The name of a fleet's own cgroup: that of its state folder, the only one like it."""
    return "tmaxd-" + str(state).strip("/").replace("/", "_")[-LONGEST:]


class Caged(msgspec.Struct, frozen=True):
    """What a cage says of its run."""

    pids: frozenset[int]
    bytes: int | None
    """None: memory is not counted."""
    cpu: float | None
    oom_kills: int = 0


class CgroupTree:
    """`Containment`. `name`: of the fleet's own cgroup; other fleets may have theirs beside it. All methods may be
    called from any thread."""

    def __init__(
        self,
        name: str,
        around: Callable[[], Surroundings] = surroundings,
        cgroup_of: Callable[[int], str | None] = path_of,
    ) -> None:
        self._name = name
        self._around = around
        self._cgroup_of = cgroup_of
        self._server: int | None = None
        self._folder = ""
        self._cages: set[str] = set()
        self._over: set[str] = set()
        """Cages that could not be removed yet."""
        self.held = Held()

    # --------------------------------------------------------------------------------- what there is

    def find(self, server_pid: int) -> None:
        if server_pid == self._server:
            return
        self._server = server_pid
        self._folder, self.held = self._decide(server_pid)
        self._cages = set(self._listed())

    def _decide(self, server: int) -> tuple[str, Held]:
        try:
            base = find_base(self._around(), server, self._cgroup_of)
        except OSError as error:
            return "", _trees(f"cgroups cannot be looked at: {error.strerror}")
        if not base.folder:
            return "", _trees(base.why)
        folder, short = f"{base.folder}/{self._name}", base.why
        try:
            make(folder)
        except OSError as error:
            return "", _trees(f"{folder} cannot be made: {error.strerror}")
        if base.memory:
            short = enable(folder)
        why = f"cgroup v2 per worker, in {folder}"
        if short:
            why = f"cgroup v2 per worker, without limits of memory: {short}"
        return folder, Held(kind="cgroup", limits=not short, why=why)

    @property
    def counts_memory(self) -> bool:
        return self.held.limits

    def cgroup(self) -> str | None:
        """The folder of the cgroup in which all of the fleet stands, as far as is known."""
        return self._folder or None

    # ------------------------------------------------------------------------------------- one run

    def enter(self, run: str, limits: Limits) -> tuple[str, ...]:
        if not (limits and self.held.limits and self._has_made(run)):
            return ()
        self.limit(run, limits)
        with contextlib.suppress(OSError):
            write(f"{self._path(run)}/memory.oom.group", "1")  # all of it, or nothing
        return ("/bin/sh", "-c", ENTER, self._path(run))

    def join(self, runs: Mapping[str, Proc]) -> None:
        for run, proc in runs.items():
            if not self._folder or run in self._cages or not self._has_made(run):
                continue
            try:
                stat = procfs.read_stat(proc.pid)
                if stat is not None and stat.start == proc.start:
                    write(f"{self._path(run)}/cgroup.procs", str(proc.pid))
                    continue
            except (OSError, Unknown):
                pass
            self.remove(run)

    def limit(self, run: str, limits: Limits) -> None:
        if run not in self._cages or not self.held.limits:
            return
        for name, value in (("memory.high", limits.high), ("memory.max", limits.max)):
            try:
                write(f"{self._path(run)}/{name}", "max" if value is None else str(value))
            except OSError as error:
                self._cannot(f"{name} of {self._path(run)} cannot be set: {error.strerror}")

    def members(self, run: str) -> frozenset[int]:
        if run not in self._cages:
            return frozenset()
        found: set[int] = set()
        for folder in _below(self._path(run)):
            with contextlib.suppress(OSError):
                found.update(map(int, read_all(f"{folder}/cgroup.procs").split()))
        return frozenset(found)

    def kill(self, run: str) -> bool:
        if run not in self._cages:
            return False
        try:
            write(f"{self._path(run)}/cgroup.kill", "1")
        except OSError:
            return False
        return True

    def oom_kills(self, run: str) -> int:
        if run not in self._cages or not self.held.limits:
            return 0
        try:
            text = read_text(f"{self._path(run)}/memory.events")
        except OSError:
            return 0
        counts = dict(line.split(None, 1) for line in text.splitlines())
        return int(counts.get("oom_kill", 0))

    def read(self, run: str) -> Caged | None:
        """What is to be counted for the run; None: it has no cage, or nothing stands in it."""
        if run not in self._cages:
            return None
        path = self._path(run)
        try:
            pids = frozenset(map(int, read_all(f"{path}/cgroup.procs").split()))
        except (OSError, ValueError):
            return None
        if not pids:
            return None
        if not self.held.limits:
            return Caged(pids, None, None)
        cpu = None
        with contextlib.suppress(OSError, ValueError, IndexError):
            cpu = int(read_text(f"{path}/cpu.stat").split(None, 2)[1]) / 1e6
        return Caged(pids, charged(path), cpu, self.oom_kills(run))

    # --------------------------------------------------------------------------------------- the end

    def remove(self, run: str) -> None:
        if run in self._cages:
            self._over.add(run)
        for over in tuple(self._over):
            if _removed(self._path(over)):
                self._cages.discard(over)
                self._over.discard(over)

    def tidy(self, known: Iterable[str]) -> None:
        for run in self._cages - set(known):
            self.remove(run)

    def close(self) -> None:
        if self._folder:
            with contextlib.suppress(OSError):
                remove(self._folder)

    # -------------------------------------------------------------------------------------- insides

    def _listed(self) -> Iterator[str]:
        if self._folder:
            with contextlib.suppress(OSError), os.scandir(self._folder) as entries:
                yield from [entry.name for entry in entries if entry.is_dir(follow_symlinks=False)]

    def _has_made(self, run: str) -> bool:
        try:
            make(self._path(run))
        except OSError as error:
            self._cannot(f"{self._path(run)} cannot be made: {error.strerror}")
            return False
        self._cages.add(run)
        return True

    def _path(self, run: str) -> str:
        return f"{self._folder}/{run}"

    def _cannot(self, why: str) -> None:
        self.held = msgspec.structs.replace(self.held, why=f"cgroup v2 per worker, but {why}")


def _trees(why: str) -> Held:
    return Held(why=f"process trees by session, descent and mark: {why}")


def _below(folder: str) -> list[str]:
    """The cgroup and all that its processes have made in it, from the top."""
    found = [folder]
    for path in found:  # it grows
        with contextlib.suppress(OSError), os.scandir(path) as entries:
            found += [e.path for e in entries if e.is_dir(follow_symlinks=False)]
    return found


def _removed(folder: str) -> bool:
    for path in reversed(_below(folder)):
        try:
            remove(path)
        except FileNotFoundError:
            continue
        except OSError:
            return False
    return True


def read_all(path: str) -> str:
    """`cgroup.procs` can have any length."""
    with open(path, "rb") as file:
        return file.read().decode()
