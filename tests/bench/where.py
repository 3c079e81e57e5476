"""`python -m tests.bench.where [TASKS]`: where the daemon's loop spends its time under load, function by function.

Not a figure: the profiler makes every call dearer, small functions most of all. Read what stands out, not the sums.
"""

from __future__ import annotations

import pstats
import sys
from pathlib import Path

from tests.bench.taskfleet import sdk_fleet, start, throughput

SHOWN = 40


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    fleet = sdk_fleet()
    profile = fleet.folder / "profile"
    plain = fleet.argv()
    fleet.argv = lambda: [  # type: ignore[method-assign]
        sys.executable, "-m", "cProfile", "-o", str(profile), "-m", "tmaxd.daemon.main", *plain[1:]
    ]  # fmt: skip
    try:
        start(fleet)
        rate = throughput(fleet, count)
        fleet.down()
        print(f"{count:,} tasks, {rate:,.0f} a second under the profiler")
        show(profile, count)
    finally:
        fleet.close()


def show(profile: Path, count: int) -> None:
    """The dearest functions by their own time."""
    stats: dict[tuple[str, int, str], tuple[int, int, float, float, object]]
    stats = pstats.Stats(str(profile)).stats  # type: ignore[attr-defined]
    print("  µs a task   with callees      calls a task")
    for (file, line, name), (_, calls, own, whole, _) in sorted(
        stats.items(), key=lambda item: item[1][2], reverse=True
    )[:SHOWN]:
        place = f"{'/'.join(Path(file).parts[-2:])}:{line}" if line else ""
        costs = f"{own / count * 1e6:11.2f}{whole / count * 1e6:15.2f}{calls / count:18.3f}"
        print(f"{costs}   {name} {place}")


if __name__ == "__main__":
    main()
