"""`FakeFootprints`: the port `Footprints` in memory. What a run uses is what a test says; by default 10 MB."""

from __future__ import annotations

from collections.abc import Mapping

from tmaxd.ports import Proc, Unknown
from tmaxd.ports.footprints import Measured, Sample
from tmaxd.testing.processes import FakeProcesses

MB = 1_000_000


class FakeFootprints:
    def __init__(self, processes: FakeProcesses) -> None:
        self.processes = processes
        self.uses: dict[str, int] = {}
        """By run id: bytes."""
        self.cpu: dict[str, float] = {}
        """By run id: seconds of processor time so far."""
        self.hidden: set[str] = set()
        """Runs that cannot be measured."""
        self.free: int | None = 8_000 * MB
        self._unknown = 0

    async def sample(self, runs: Mapping[str, Proc | None], server: int | None) -> Sample:
        if self._unknown > 0:
            self._unknown -= 1
            raise Unknown("/proc was not read within 5 s")
        trees = await self.processes.trees(runs)
        return Sample(
            runs={
                run: self._measured(run, len(tree))
                for run, tree in trees.items()
                if tree and run not in self.hidden
            },
            daemon=_flat(40 * MB),
            server=None if server is None else _flat(4 * MB),
            free=self.free,
        )

    def unknown(self, times: int = 1) -> None:
        """The next samples fail."""
        self._unknown = times

    def _measured(self, run: str, processes: int) -> Measured:
        size = self.uses.get(run, 10 * MB)
        return Measured(
            bytes=size,
            basis="pss",
            rss=size,
            cpu=self.cpu.get(run, 0.0),
            processes=processes,
            files=4 * processes,
        )


def _flat(size: int) -> Measured:
    return Measured(bytes=size, basis="pss", rss=size, cpu=0.0, processes=1, files=8)
