"""The task table as people see it: what the disk has, and what only the dispatcher knows.

That is which tasks have begun, who has those of a FIFO that a group shares, and which wait for one certain worker."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from tmaxd.daemon.api import types as t
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.ports import Journal
from tmaxd.tasks.records import State, TaskFilter, TaskRow
from tmaxd.tasks.view import InFlight


class TaskList:
    def __init__(self, flow: TaskFlow, journal: Journal) -> None:
        self._flow = flow
        self._journal = journal

    async def page(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        """The newest that match, newest first."""
        now = _Now(self._flow.in_flight(), self._flow.aside())
        found = await self._matching(filters, now)
        if filters.worker is None:
            return found
        # Of what it has from a shared FIFO the disk does not know who has it.
        held = {task for task, at in now.here.items() if at.worker == filters.worker}
        ids = tuple(held.intersection(filters.ids) if filters.ids else held)
        if not ids:
            return found
        named = msgspec.structs.replace(filters, worker=None, ids=ids)
        also = [row for row in await self._matching(named, now) if row.worker == filters.worker]
        rows = {row.id: row for row in [*found, *also]}
        return tuple([rows[task] for task in sorted(rows, reverse=True)[: filters.limit]])

    async def _matching(self, filters: TaskFilter, now: _Now) -> tuple[TaskRow, ...]:
        """`running` is known here and not on disk, where such a task is `sent`: more is read until enough is found."""
        wanted = set(filters.states)
        on_disk: tuple[State, ...] = tuple(
            sorted({("sent" if state == "running" else state) for state in wanted})
        )
        found, before = list[TaskRow](), filters.before
        while True:
            page = await self._journal.tasks(
                msgspec.structs.replace(filters, states=on_disk, before=before)
            )
            rows = [now.shown(row) for row in page]
            found += [row for row in rows if not wanted or row.state in wanted]
            if len(page) < filters.limit or len(found) >= filters.limit:
                return tuple(found[: filters.limit])
            before = page[-1].id

    async def story(self, task: int) -> t.Story | None:
        found = await self._journal.story(task)
        if found is None:
            return None
        now = _Now(self._flow.in_flight(), self._flow.aside())
        values = msgspec.structs.asdict(found) | {"task": now.shown(found.task)}
        here = now.here.get(task) if found.task.state == "sent" else None
        if here is not None:
            values |= {"cancelling": here.cancelling, "progress": _progress(here)}
        return t.Story(**values)


class _Now(msgspec.Struct, frozen=True):
    """What only the dispatcher knows."""

    here: Mapping[int, InFlight]
    aside: Mapping[int, str]

    def shown(self, row: TaskRow) -> TaskRow:
        if row.state == "sent":
            now = self.here.get(row.id)
            if now is not None and now.started is not None:
                row = msgspec.structs.replace(
                    row, state="running", started=now.started, worker=now.worker, run=now.run
                )
            if now is not None and now.cancelling:
                return msgspec.structs.replace(row, cancelling=True)
        elif row.id in self.aside and row.state in ("queued", "delayed"):
            return msgspec.structs.replace(row, waits_for=self.aside[row.id])
        return row


def _progress(now: InFlight) -> t.TaskProgress | None:
    said = now.progress
    if said is None:
        return None
    return t.TaskProgress(done=said.done, total=said.total, note=said.note, at=said.at)
