"""What must have become of every task when a walk through a simulation is over: the ledger against the disk."""

from __future__ import annotations

import json
from collections import Counter

from tmaxd.testing.simulation import Simulation

ENDED = ("done", "dead", "cancelled")


def check_fates(sim: Simulation, lines: list[bytes], routes: dict[str, str]) -> None:
    """`lines`: all that came out of the outbox `results`; `routes`: group to the group that each done task of it
    makes a task of."""
    entries = sim.journal.disk.entries
    for task in sim.accepted:
        assert task in entries, f"task {task} was accepted and is gone"
    for task, entry in entries.items():
        row = entry.row
        assert row.state in ENDED, f"task {task} has not ended: {row}"
        if row.state == "done":
            assert sim.workers.finished[task] >= 1, f"task {task} is done, and nobody did it"
        elif row.state == "dead" and row.outcome != "expired":
            lost = [a.outcome for a in entry.attempts]
            assert len(lost) >= 2, f"task {task} was given up after {lost}"
    for (group, key), tasks in sim.keyed.items():
        assert len(tasks) == 1, f"key {key} of {group} is that of {tasks}"
    check_routes(sim, routes)
    check_lines(sim, lines)


def check_routes(sim: Simulation, routes: dict[str, str]) -> None:
    """Each done task has made exactly one."""
    rows = [entry.row for entry in sim.journal.disk.entries.values()]
    made = Counter((row.source, row.group) for row in rows if row.source is not None)
    for row in rows:
        wanted = row.state == "done" and row.group in routes
        found = made.pop((row.id, routes.get(row.group, "")), 0)
        assert found == wanted, f"task {row.id} of {row.group}, {row.state}, has made {found} tasks"
    assert not made, "nobody made these"


def check_lines(sim: Simulation, lines: list[bytes]) -> None:
    """One for each end, unless a daemon died on the way; a task that was retried has more than one."""
    frames = [json.loads(line) for line in lines]
    told = Counter(frame["id"] for frame in frames if "id" in frame)
    retried = Counter(task for task, verdict in sim.verdicts if verdict == "retried")
    ends = {task: 1 + retried[task] for task in sim.journal.disk.entries}
    for task, count in told.items():
        assert count <= ends[task], f"task {task} was told of {count} times"
    if not sim.crashes:
        lost = sum(frame.get("lost", 0) for frame in frames)
        assert told.total() + lost == sum(ends.values())
