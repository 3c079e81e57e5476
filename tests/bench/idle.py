"""What 128 idle workers cost, once each has been measured: CPU of the daemon and of tmux over 20 s, and the daemon's
memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.contenders import Tmaxd
from tests.bench.figures import Figure
from tests.bench.size import Size

WORKERS = 128
KINDS: dict[str, dict[str, object]] = {
    "programs": {"run": ["sleep", "1000000"]},
    "shell workers with FIFOs": {"task": ["true", "{payload}"]},
}


def run(size: Size) -> Iterator[Figure]:
    for kind, group in KINDS.items():
        yield from measured(kind, group, 3.0 if size.quick else 20.0)


def measured(kind: str, group: dict[str, object], seconds: float) -> Iterator[Figure]:
    fleet = Tmaxd(group)
    try:
        fleet.configure(WORKERS)
        daemon = fleet.spawn(fleet.argv()).pid
        fleet.settled()
        fleet.fleet.wait_for(lambda: fleet.fleet.group("w")["ready"] == WORKERS, "all are ready")
        fleet.fleet.wait_for(lambda: measured_once(fleet), "each was measured once")
        server = int(fleet.fleet.status()["tmux"]["server_pid"])
        before = [cpu(pid) for pid in (daemon, server)]
        time.sleep(seconds)
        used = [(cpu(pid) - b) for pid, b in zip((daemon, server), before, strict=True)]
        memory = kilobytes(daemon, "Pss"), kilobytes(daemon, "Rss")
    finally:
        fleet.close()
    percents = [100 * u / seconds for u in used]
    what = f"{WORKERS} idle {kind}"
    yield Figure(
        suite="idle",
        what=f"{what}: daemon's CPU",
        unit="% of a core",
        samples=(percents[0],),
        limit=0.5,
    )
    yield Figure(
        suite="idle", what=f"{what}: tmux's CPU", unit="% of a core", samples=(percents[1],)
    )
    for name, amount in zip(("PSS", "RSS"), memory, strict=True):
        limit = 64.0 if name == "RSS" else None
        yield Figure(
            suite="idle",
            what=f"{what}: daemon's {name}",
            unit="MB",
            samples=(amount / 1000,),
            limit=limit,
        )


def measured_once(fleet: Tmaxd) -> bool:
    """What is new costs more to measure, in turns over the first half minute."""
    workers = fleet.fleet.status()["workers"]
    return all(w["usage"] and w["usage"]["basis"] in ("pss", "cgroup") for w in workers)


def cpu(pid: int) -> float:
    """Seconds used so far, all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def kilobytes(pid: int, name: str) -> float:
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    line = next(line for line in text.splitlines() if line.startswith(name + ":"))
    return int(line.split()[1]) * 1.024
