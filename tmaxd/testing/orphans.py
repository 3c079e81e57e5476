"""`FakeOrphans`: the port `Orphans` over the processes of a `FakeProcesses`, all of which are of this fleet, unless
`owners` says otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.ports import Proc, Unknown
from tmaxd.ports.orphans import Orphan
from tmaxd.testing.processes import FakeProcess, FakeProcesses


class FakeOrphans:
    def __init__(self, processes: FakeProcesses) -> None:
        self.processes = processes
        self.owners: dict[int, str] = {}
        """Pid to the owner that it carries, where it is another than whoever asks."""
        self._unknown = 0

    async def find(self, owner: str, runs: Mapping[str, Proc | None]) -> tuple[Orphan, ...]:
        if self._unknown > 0:
            self._unknown -= 1
            raise Unknown("/proc was not read within 5 s")
        trees = (await self.processes.trees(runs)).values()
        kept = {proc.pid for tree in trees for proc in tree}
        living = self.processes.living.values()
        found = {
            p.pid: (p, p.run)
            for p in living
            if p.run is not None
            and p.run not in runs
            and p.pid not in kept
            and self.owners.get(p.pid, owner) == owner
        }
        grown = True
        while grown:
            more = {
                p.pid: (p, found[p.parent][1])
                for p in living
                if p.parent in found
                and p.pid not in found.keys() | kept
                and p.run is None
                and p.session == found[p.parent][0].session
            }
            found |= more
            grown = bool(more)
        ordered = sorted(found.values(), key=lambda entry: entry[0].start)
        return tuple(_orphan(process, run) for process, run in ordered)

    def unknown(self, times: int = 1) -> None:
        """The next looks fail."""
        self._unknown = times


def _orphan(process: FakeProcess, run: str) -> Orphan:
    return Orphan(
        proc=Proc(process.pid, process.start),
        run=run,
        worker="w-1",
        command="fake",
        age=100.0,
        bytes=1 << 20,
    )
