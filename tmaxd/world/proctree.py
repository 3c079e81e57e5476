"""Which processes belong to which run, decided from tables that `processes` read. Pure.

A run's processes are found in three ways, since each has a hole: the session of the first process
(`setsid` leaves it), descent (an orphan loses its parent), and the mark `TMAX_RUN` in the environment
(a program may clear it). Who does all three on purpose has escaped; only a cgroup would hold him.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from tmaxd.ports import Proc
from tmaxd.world.procfs import Stat

Trees = dict[str, frozenset[Proc]]


def trees(
    runs: Mapping[str, Proc | None],
    table: Iterable[Stat],
    marks: Mapping[Proc, str],
    never: frozenset[int],
) -> Trees:
    """Run to its living processes. `marks`: process to the value of its `TMAX_RUN`. `never`: pids that
    belong to no run and pass nothing on to their children."""
    stats = {s.pid: s for s in table if s.pid not in never}
    children: defaultdict[int, list[int]] = defaultdict(list)
    sessions: defaultdict[int, list[int]] = defaultdict(list)
    marked: defaultdict[str, list[int]] = defaultdict(list)
    for stat in stats.values():
        children[stat.parent].append(stat.pid)
        sessions[stat.session].append(stat.pid)
        run = marks.get(Proc(stat.pid, stat.start))
        if run is not None:
            marked[run].append(stat.pid)
    found: Trees = {}
    for run, leader in runs.items():
        roots = list(marked[run])
        if leader is not None:
            roots += _of_leader(leader, stats, sessions)
        found[run] = _living(roots, stats, children)
    return found


def _of_leader(
    leader: Proc, stats: Mapping[int, Stat], sessions: Mapping[int, list[int]]
) -> list[int]:
    """The leader and its session. The kernel gives no new process a number that a session still uses,
    so another process of this number means that the session has ended with all its members."""
    there = stats.get(leader.pid)
    if there is not None and there.start != leader.start:
        return []
    members = [pid for pid in sessions.get(leader.pid, ()) if stats[pid].start >= leader.start]
    return members if there is None else [leader.pid, *members]


def _living(
    roots: Iterable[int], stats: Mapping[int, Stat], children: Mapping[int, list[int]]
) -> frozenset[Proc]:
    """The roots and all their descendants; zombies pass on descent but do not count."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        pid = waiting.pop()
        if pid in seen:
            continue
        seen.add(pid)
        waiting.extend(children.get(pid, ()))
    return frozenset(Proc(pid, stats[pid].start) for pid in seen if stats[pid].alive)
