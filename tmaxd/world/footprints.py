"""The port `Footprints` on Linux: one look at `/proc` for all runs, in a thread of its own.

The trees are those of `Processes.trees`, from one look instead of two that agree: what a tree that forks all the time
has gained meanwhile is in the next sample. A process that goes while it is measured is left out of what is added up.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from tmaxd.ports import Proc, Unknown
from tmaxd.ports.footprints import Basis, Measured, Sample
from tmaxd.world import memory, procfs
from tmaxd.world.aside import Aside
from tmaxd.world.cgroup import Caged
from tmaxd.world.processes import Marks
from tmaxd.world.proctable import ProcTable
from tmaxd.world.proctree import Trees, trees
from tmaxd.world.pss import ProportionalSizes

DEADLINE = 5.0
"""Seconds for one sample: a process stuck in the kernel can hang whoever reads its memory."""
TICKS = os.sysconf("SC_CLK_TCK")
SLICE = 0.0005
"""Seconds of work after which the thread lets the loop's thread have its turn..."""
BREATH = 0.00005
"""... and for how long it sleeps then: without it the loop would wait for the interpreter for up to 5 ms
(`sys.getswitchinterval`)."""


class Cages(Protocol):
    """What is needed of `CgroupTree`."""

    @property
    def counts_memory(self) -> bool: ...
    def read(self, run: str) -> Caged | None: ...
    def cgroup(self) -> str | None: ...


class Breath:
    """`()` between two small steps of work in another thread than the loop's."""

    def __init__(self) -> None:
        self._next = time.perf_counter() + SLICE

    def __call__(self) -> None:
        if time.perf_counter() >= self._next:
            time.sleep(BREATH)
            self._next = time.perf_counter() + SLICE


class ProcFootprints:
    """`Footprints`."""

    def __init__(self, cages: Cages, sizes: ProportionalSizes | None = None) -> None:
        self._cages = cages
        self._sizes = sizes or ProportionalSizes()
        self._marks = Marks()
        self._table = ProcTable()
        self._escaped: dict[str, frozenset[Proc]] = {}
        """Run to those who stand in its cage and not in its tree, when that was last looked at."""
        self._hangs = False

    async def sample(self, runs: Mapping[str, Proc | None], server: int | None) -> Sample:
        if self._hangs:
            raise Unknown("a sample hangs; some process is stuck in the kernel")
        wanted = dict(runs)
        looking = Aside(
            "footprints", lambda: self._sample(wanted, server), asyncio.get_running_loop()
        )
        looking.start()
        try:
            return await asyncio.wait_for(asyncio.shield(looking.answer), DEADLINE)
        except TimeoutError:
            self._hangs = True
            looking.answer.add_done_callback(self._goes_on)
            raise Unknown(f"/proc was not read within {DEADLINE:g} s") from None

    def _goes_on(self, _: object) -> None:
        self._hangs = False

    # ------------------------------------------------------------------------------ in the thread

    def _sample(self, runs: Mapping[str, Proc | None], server: int | None) -> Sample:
        breathe = Breath()
        table = self._table.read(breathe)
        us = os.getpid()
        marks = self._marks.of(table, breathe)
        breathe()
        found = trees(runs, table, marks, frozenset({1, us}))
        breathe()
        stats = {s.pid: s for s in table if s.alive}
        cages = self._look_into_cages(runs, found, stats, breathe)
        members = {
            run: [
                stats[proc.pid]
                for proc in tree | self._escaped.get(run, NOBODY)
                if _is_there(proc, stats)
            ]
            for run, tree in found.items()
        }
        others = {s.pid for group in members.values() for s in group} | {server}
        own = [s for s in stats.values() if us in (s.pid, s.parent) and s.pid not in others]
        known = {proc.pid for proc in marks}
        self._table.judge(table, {*known, *(s.pid for s in own), *(pid for pid in others if pid)})
        alone = [stats[server]] if server in stats else []
        counted = (members[run] for run in runs if not _charged(cages.get(run)))
        pss = self._sizes.of((s for group in (own, alone, *counted) for s in group), breathe)
        breathe()
        measured: dict[str, Measured] = {}
        for run, group in members.items():
            if group:
                measured[run] = _measured(group, pss, cages.get(run), breathe)
        return Sample(
            runs=measured,
            daemon=_measured(own, pss, None, breathe),
            server=_measured(alone, pss, None, breathe) if alone else None,
            free=memory.available(self._cages.cgroup()),
        )

    def _look_into_cages(
        self,
        runs: Iterable[str],
        found: Trees,
        stats: Mapping[int, procfs.Stat],
        breathe: Callable[[], None],
    ) -> dict[str, Caged]:
        """What those say that count memory. All others have to say who stands in them, which seldom differs from the
        tree: that is looked at now and then."""
        cages: dict[str, Caged] = {}
        if not (self._cages.counts_memory or self._table.whole):
            return cages
        for run in runs:
            cage = self._cages.read(run)
            breathe()
            if cage is None:
                self._escaped.pop(run, None)
                continue
            cages[run] = cage
            inside = (stats[pid] for pid in cage.pids if pid in stats)
            self._escaped[run] = frozenset(Proc(s.pid, s.start) for s in inside) - found[run]
        self._escaped = {run: self._escaped[run] for run in runs if run in self._escaped}
        return cages


NOBODY: frozenset[Proc] = frozenset()


def _is_there(proc: Proc, stats: Mapping[int, procfs.Stat]) -> bool:
    stat = stats.get(proc.pid)
    return stat is not None and stat.start == proc.start


def _charged(cage: Caged | None) -> bool:
    return cage is not None and cage.bytes is not None


def _measured(
    group: Iterable[procfs.Stat],
    pss: Mapping[Proc, int],
    cage: Caged | None,
    breathe: Callable[[], None],
) -> Measured:
    rss = used = ticks = processes = proportional = 0
    files: int | None = 0
    for stat in group:
        resident = stat.pages * memory.PAGE
        size = pss.get(Proc(stat.pid, stat.start))
        rss += resident
        used += resident if size is None else size
        proportional += size is not None
        ticks += stat.ticks
        processes += 1
        if files is not None:
            opened = memory.files(stat.pid)
            files = None if opened is None else files + opened
        breathe()
    basis: Basis = "rss" if not proportional else "pss" if proportional == processes else "mixed"
    cpu, oom_kills = ticks / TICKS, 0
    if cage is not None and cage.bytes is not None:
        used, basis = cage.bytes, "cgroup"
        cpu = cage.cpu if cage.cpu is not None else cpu
        oom_kills = cage.oom_kills
    return Measured(
        bytes=used,
        basis=basis,
        rss=rss,
        cpu=cpu,
        processes=processes,
        files=files,
        oom_kills=oom_kills,
    )
