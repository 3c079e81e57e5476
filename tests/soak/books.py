"""The books at the end, read twice: as the daemon tells them, and from `state.db` when it is gone, as the next
daemon would read it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.fleet import Fleet
from tests.soak.row import Row, Try
from tmaxd.ports import Recovered
from tmaxd.tasks.records import AttemptRow, TaskFilter, TaskRow, TaskStory
from tmaxd.world.journal import SqliteJournal, open_journal

Told = dict[int, tuple[str, str, int]]
"""Task to group, state and attempt."""

PAGE = 500


def told(fleet: Fleet, groups: list[str]) -> Told:
    """Every task, as the API has it."""
    return {
        row["id"]: (row["group"], row["state"], row["attempt"])
        for group in groups
        for row in fleet.rows(group)
    }


def written(path: Path) -> tuple[list[Row], list[str]]:
    """Every task on disk, and where the disk contradicts itself. Wall times become monotonic ones by today's distance
    between the two clocks."""
    return asyncio.run(_written(path))


async def _written(path: Path) -> tuple[list[Row], list[str]]:
    journal, recovered = open_journal(path)
    try:
        distance = time.time_ns() - time.monotonic_ns()
        rows = [_row(story, distance) for story in await _stories(journal)]
    finally:
        await journal.close()
    return rows, _contradictions(rows, recovered)


async def _stories(journal: SqliteJournal) -> list[TaskStory]:
    stories: list[TaskStory] = []
    filters = TaskFilter(limit=PAGE)
    while page := await journal.tasks(filters):
        found = await asyncio.gather(*(journal.story(row.id) for row in page))
        stories += [story for story in found if story is not None]
        filters = TaskFilter(limit=PAGE, before=page[-1].id)
    return stories[::-1]


def _row(story: TaskStory, distance: int) -> Row:
    task = story.task
    return Row(
        id=task.id,
        group=task.group,
        state=task.state,
        attempt=task.attempt,
        payload=task.payload,
        ended=None if task.ended is None else int(task.ended * 1e9) - distance,
        outcome=task.outcome,
        result=story.result if story.result_file is None else _head(story.result_file),
        tries=tuple(_tries(story, distance)),
        source=task.source,
    )


def _tries(story: TaskStory, distance: int) -> Iterator[Try]:
    for attempt in story.attempts:
        yield _try(attempt, distance)
    if story.task.sent is not None and story.task.ended is not None:
        yield _try(story.task, distance)


def _try(one: TaskRow | AttemptRow, distance: int) -> Try:
    assert one.ended is not None
    return Try(
        attempt=one.attempt,
        worker=one.worker or "",
        run=one.run or "",
        outcome=one.outcome or "",
        error=one.error or "",
        sent=int((one.sent or 0) * 1e9) - distance,
        ended=int(one.ended * 1e9) - distance,
    )


def _head(path: str) -> str | None:
    """The beginning of a result that was too long for a frame; None where there is none."""
    try:
        with open(path) as file:
            return file.read(100)
    except OSError:
        return None


def _contradictions(rows: list[Row], recovered: Recovered) -> list[str]:
    found = [f"task {lease.id}: has a lease at the end" for lease in recovered.leases]
    counted: dict[str, Counter[str]] = {}
    for row in rows:
        counted.setdefault(row.group, Counter())[row.state] += 1
    kept = {
        group: {state: n for state, n in states.items() if n}
        for group, states in recovered.counts.items()
    }
    if kept != counted:
        found.append(f"the disk counts {kept}, and holds {counted}")
    return found


def differing(rows: list[Row], told: Told) -> list[str]:
    """Where the daemon said something else than it wrote."""
    on_disk: Told = {row.id: (row.group, row.state, row.attempt) for row in rows}
    return [
        f"task {task}: the daemon said {told.get(task)}, the disk says {on_disk.get(task)}"
        for task in sorted(told.keys() | on_disk.keys())
        if told.get(task) != on_disk.get(task)
    ]
