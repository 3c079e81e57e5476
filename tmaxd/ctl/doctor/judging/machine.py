"""Python and the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tmaxd.ctl.doctor.finding import Finding
from tmaxd.ctl.doctor.seen import Machine, Seen

OLDEST = (3, 11)

KILL = (5, 14)
"""Linux that has `cgroup.kill` (cgroup-v2.rst)."""


def machine(seen: Seen) -> Iterator[Finding]:
    yield python(seen.machine)
    yield kernel(seen.machine)


def python(there: Machine) -> Finding:
    version = ".".join(map(str, there.python))
    if there.python[:2] < OLDEST:
        return Finding(
            "python",
            "error",
            f"Python is {version}",
            "tmaxd needs 3.11 or later",
            "install tmaxd with a newer one: pipx install --python python3.11 tmaxd",
        )
    return Finding("python", "ok", f"Python is {version}")


def kernel(there: Machine) -> Finding:
    lacks: list[str] = []
    if not there.pidfd:
        lacks.append(
            "no pidfds, so that deaths are noticed by looking again and again (Linux 5.3 has them)"
        )
    numbers = re.match(r"(\d+)\.(\d+)", there.kernel)
    if numbers and (int(numbers[1]), int(numbers[2])) < KILL:
        lacks.append(
            "no `cgroup.kill`, so that process trees are ended one process at a time (Linux 5.14)"
        )
    if not there.prlimit:
        lacks.append(
            "no prlimit(1), so that workers inherit the daemon's raised limit of open files, "
            "which programs with select(2) do not bear"
        )
    if not lacks:
        return Finding("kernel", "ok", f"the kernel is {there.kernel}")
    only_tool = there.pidfd and len(lacks) == 1 and not there.prlimit
    return Finding(
        "kernel",
        "note",
        f"the kernel is {there.kernel}, and something is missing",
        "; ".join(lacks),
        "apt-get install util-linux" if only_tool else "a newer kernel, and util-linux",
    )
