"""The port `Orphans` on Linux: which processes carry our mark and belong to no run, read from `/proc` (proc(5)).

`/proc/PID/environ` is what a program was started with. Nobody has `TMAX_OWNER` by chance: it names the very state
folder (`folders.owner_of`), so that two fleets of one name, in two containers even,
never take each other's for their own.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from tmaxd.ports import Proc, Unknown
from tmaxd.ports.orphans import Orphan
from tmaxd.world import procfs
from tmaxd.world.aside import Aside
from tmaxd.world.processes import SCAN_DEADLINE, Marks
from tmaxd.world.procfs import Stat
from tmaxd.world.proctree import trees

TICKS = os.sysconf("SC_CLK_TCK")
COMMAND = 60
"""Characters of a command that are shown."""
ANCESTORS = 1000
"""Steps from a process up to init; a table that was read while processes ended may have a ring in it."""

Table = Mapping[int, Stat]


class LinuxOrphans:
    """`Orphans`. `marks` is shared with whoever else reads environments, since that is the dearest part of a look."""

    def __init__(self, marks: Marks) -> None:
        self._marks = marks
        self._looking: asyncio.Future[tuple[Orphan, ...]] | None = None

    async def find(self, owner: str, runs: Mapping[str, Proc | None]) -> tuple[Orphan, ...]:
        if self._looking is not None and not self._looking.done():
            raise Unknown("an earlier look at /proc hangs; some process is stuck in the kernel")
        known = dict(runs)
        loop = asyncio.get_running_loop()
        aside = Aside("orphans", lambda: find(owner, known, self._marks), loop)
        self._looking = aside.answer
        aside.start()
        try:
            return await asyncio.wait_for(asyncio.shield(aside.answer), SCAN_DEADLINE)
        except TimeoutError:
            raise Unknown(f"/proc was not read within {SCAN_DEADLINE:g} s") from None


def find(owner: str, runs: Mapping[str, Proc | None], marks: Marks) -> tuple[Orphan, ...]:
    """One look. Raises `Unknown`."""
    stats = procfs.read_all_stats()
    of_run = marks.of(stats)
    strange = {proc: run for proc, run in of_run.items() if run not in runs}
    if not strange:
        return ()
    table = {stat.pid: stat for stat in stats}
    never = frozenset({1, *_line_of(os.getpid(), table)})
    own = trees(runs, stats, of_run, never)
    kept = {proc for tree in own.values() for proc in tree}
    roots = [
        (table[proc.pid], run)
        for proc, run in strange.items()
        if proc not in kept and proc.pid not in never and _is_owned(table[proc.pid], run, owner)
    ]
    found = _with_children(roots, table, {proc.pid for proc in kept.union(of_run)} | never)
    return tuple(_described(stat, root, run) for stat, root, run in found)


def _line_of(pid: int, table: Table) -> Iterator[int]:
    """The process and all above it."""
    for _ in range(ANCESTORS):
        yield pid
        stat = table.get(pid)
        if stat is None:
            return
        pid = stat.parent


def _is_owned(stat: Stat, run: str, owner: str) -> bool:
    """The marks of this very process say so, read once more: its number may be another's since the table was read."""
    marks = procfs.read_marks(stat.pid, (b"TMAX_RUN", b"TMAX_OWNER"))
    now = procfs.read_stat(stat.pid)
    same = now is not None and now.start == stat.start and now.image == stat.image
    return same and marks == (run.encode(), owner.encode())


def _with_children(
    roots: Sequence[tuple[Stat, str]], table: Table, others: set[int]
) -> list[tuple[Stat, Stat, str]]:
    """(process, the marked one that it comes from, run). A child in another session, such as a daemon that somebody
    started there, goes its own way; one that carries a mark (`others`) is judged by that."""
    children: defaultdict[int, list[Stat]] = defaultdict(list)
    for stat in table.values():
        children[stat.parent].append(stat)
    found: list[tuple[Stat, Stat, str]] = []
    seen = {root.pid for root, _ in roots}
    for root, run in roots:
        waiting = [root]
        while waiting:
            stat = waiting.pop()
            if stat.alive:
                found.append((stat, root, run))
            for child in children.get(stat.pid, ()):
                if (
                    child.session == root.session
                    and child.pid not in others
                    and child.pid not in seen
                ):
                    seen.add(child.pid)
                    waiting.append(child)
    return sorted(found, key=lambda entry: (entry[0].start, entry[0].pid))


def _described(stat: Stat, root: Stat, run: str) -> Orphan:
    (worker,) = procfs.read_marks(root.pid, (b"TMAX_WORKER",))
    age = time.clock_gettime(time.CLOCK_BOOTTIME) - stat.start / TICKS
    return Orphan(
        proc=Proc(stat.pid, stat.start),
        run=run,
        worker=_printable(worker or b""),
        command=_printable(_first_word(stat.pid)) or "(no command line)",
        age=max(age, 0.0),
        bytes=_memory(stat.pid),
    )


def _first_word(pid: int) -> bytes:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read(4 * COMMAND).partition(b"\0")[0]
    except OSError:
        return b""


def _memory(pid: int) -> int:
    """Bytes: what it shares with others counted in part where the kernel tells that, else whole."""
    for name, key in (("smaps_rollup", b"\nPss:"), ("status", b"\nVmRSS:")):
        try:
            with open(f"/proc/{pid}/{name}", "rb") as file:
                _, there, rest = file.read().partition(key)
        except OSError:
            continue
        if there:
            return int(rest.split(None, 1)[0]) * 1024
    return 0


def _printable(text: bytes) -> str:
    """Whoever is to be ended may have called himself anything."""
    plain = "".join(c if c.isprintable() else "?" for c in text.decode(errors="replace"))
    return plain if len(plain) <= COMMAND else plain[: COMMAND - 1] + "…"
