"""What the API asks of the daemon about tasks. One half of the implementation of `api.facade`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence

import msgspec

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.effects import Judged, SubmitDenied
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.waiters import Waiters
from tmaxd.ports import Journal, JournalError
from tmaxd.spec.model import Spec
from tmaxd.tasks.records import PLAIN, Options, State, TaskFilter, TaskRow
from tmaxd.tasks.view import InFlight

PATIENCE = 10.0
"""Seconds that a request waits for the disk before it is answered with the disk's trouble. What it asked for may still
be done when the disk recovers; the answer says so."""


class TaskFacade:
    """Everything here runs in the loop's thread. `spec` is the one in force."""

    def __init__(
        self, flow: TaskFlow, journal: Journal, waiters: Waiters, spec: Callable[[], Spec]
    ) -> None:
        self._flow = flow
        self._journal = journal
        self._waiters = waiters
        self._spec_in_force = spec

    # -------------------------------------------------------------------------------- what changes

    async def submit(
        self,
        group: str,
        payloads: Sequence[str],
        options: Options = PLAIN,
        max_queue: int | None = None,
    ) -> t.Accepted:
        _check_group(group, self._spec_in_force())
        trouble = self._disk_trouble()
        if trouble is not None:
            raise Denied("journal", f"nothing can be accepted: {trouble}")
        future = self._flow.submit((group,), payloads, options, max_queue)
        try:
            async with asyncio.timeout(PATIENCE):
                accepted = await asyncio.shield(future)
        except SubmitDenied as error:
            raise Denied(error.reason, error.message) from None
        except TimeoutError:
            raise Denied("journal", self._not_confirmed("the tasks are taken")) from None
        return t.Accepted(accepted.first_id, accepted.count, accepted.existing)

    async def cancel(self, ids: Sequence[int]) -> tuple[t.TaskVerdict, ...]:
        return await self._judged(ids, self._flow.cancel)

    async def retry(self, ids: Sequence[int]) -> tuple[t.TaskVerdict, ...]:
        return await self._judged(ids, self._flow.retry)

    async def _judged(
        self, ids: Sequence[int], judge: Callable[[Sequence[int]], asyncio.Future[Judged]]
    ) -> tuple[t.TaskVerdict, ...]:
        trouble = self._journal.trouble()
        if trouble is not None:
            raise JournalError(f"nothing can be changed: {trouble}")
        try:
            async with asyncio.timeout(PATIENCE):
                verdicts = dict(await asyncio.shield(judge(ids)))
        except TimeoutError:
            raise JournalError(self._not_confirmed("it is done")) from None
        return tuple(t.TaskVerdict(task, verdicts[task]) for task in ids)

    def _disk_trouble(self) -> str | None:
        return self._journal.trouble() or self._flow.trouble()

    def _not_confirmed(self, what: str) -> str:
        cause = self._disk_trouble() or "the disk does not answer"
        return f"not confirmed ({cause}); {what} if the disk recovers"

    # ---------------------------------------------------------------------------------- what is

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        """`running` is known here and not on disk, where such a task is `sent`: more is read until enough is found."""
        wanted = set(filters.states)
        on_disk: tuple[State, ...] = tuple(
            sorted({("sent" if state == "running" else state) for state in wanted})
        )
        here, found, before = self._flow.in_flight(), list[TaskRow](), filters.before
        while True:
            page = await self._journal.tasks(
                msgspec.structs.replace(filters, states=on_disk, before=before)
            )
            rows = [_live_row(row, here) for row in page]
            found += [row for row in rows if not wanted or row.state in wanted]
            if len(page) < filters.limit or len(found) >= filters.limit:
                return tuple(found[: filters.limit])
            before = page[-1].id

    async def story(self, task: int) -> t.Story | None:
        found = await self._journal.story(task)
        if found is None:
            return None
        here = self._flow.in_flight()
        values = msgspec.structs.asdict(found) | {"task": _live_row(found.task, here)}
        now = here.get(task) if found.task.state == "sent" else None
        if now is not None:
            values |= {"cancelling": now.cancelling, "progress": _progress(now)}
        return t.Story(**values)

    def wait(self, ids: Sequence[int]) -> AsyncIterator[t.TaskEnd]:
        return self._waiters.wait(ids)


def _check_group(group: str, spec: Spec) -> None:
    target = spec.workers.get(group)
    if target is None:
        able = [name for name, g in spec.workers.items() if g.kind != "run"]
        raise Denied(
            "unknown_group",
            f"no group {group}; groups that take tasks: {', '.join(able) or 'none'}",
        )
    if target.kind == "run":
        raise Denied(
            "not_a_task_group",
            f"group {group} only keeps a program alive (run); tasks go to groups with task or serve",
        )


def _live_row(row: TaskRow, here: Mapping[int, InFlight]) -> TaskRow:
    """With what only the dispatcher knows: that it has begun."""
    now = here.get(row.id) if row.state == "sent" else None
    if now is None or now.started is None:
        return row
    return msgspec.structs.replace(
        row, state="running", started=now.started, worker=now.worker, run=now.run
    )


def _progress(now: InFlight) -> t.TaskProgress | None:
    said = now.progress
    if said is None:
        return None
    return t.TaskProgress(done=said.done, total=said.total, note=said.note, at=said.at)
