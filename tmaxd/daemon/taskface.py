"""What the API asks of the daemon about tasks. One half of the implementation of `api.facade`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

from tmaxd.daemon.api import types as t
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.effects import Judged, SubmitDenied
from tmaxd.daemon.names import is_slot, no_group, no_task_group, no_worker
from tmaxd.daemon.taskflow import TaskFlow
from tmaxd.daemon.tasklist import TaskList
from tmaxd.daemon.waiters import Waiters
from tmaxd.ports import Journal, JournalError
from tmaxd.spec.model import Spec
from tmaxd.tasks.records import PLAIN, Options, TaskFilter, TaskRow

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
        self._list = TaskList(flow, journal)
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
        state = accepted.state
        if state == "sent":
            now = self._flow.in_flight().get(accepted.first_id)
            state = "running" if now is not None and now.started is not None else "sent"
        return t.Accepted(accepted.first_id, accepted.count, accepted.existing, state)

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
        spec = self._spec_in_force()
        if filters.group is not None and filters.group not in spec.workers:
            known = self._flow.groups_known()
            if filters.group not in known:
                raise Denied("unknown_group", no_group(filters.group, spec, known))
        rows = await self._list.page(filters)
        if filters.worker is not None and not rows:
            await self._check_worker(filters.worker, spec)
        return rows

    async def _check_worker(self, worker: str, spec: Spec) -> None:
        """Raises `Denied` where neither the spec nor a run nor any task on disk names it."""
        if is_slot(worker, spec) or self._flow.has_run(worker):
            return
        if not await self._list.page(TaskFilter(worker=worker, limit=1)):
            raise Denied("unknown_worker", no_worker(worker, spec))

    async def story(self, task: int) -> t.Story | None:
        return await self._list.story(task)

    def wait(self, ids: Sequence[int]) -> AsyncIterator[t.TaskEnd]:
        return self._waiters.wait(ids)


def _check_group(group: str, spec: Spec) -> None:
    target = spec.workers.get(group)
    if target is None:
        raise Denied("unknown_group", no_task_group(group, spec))
    if target.kind == "run":
        raise Denied(
            "not_a_task_group",
            f"group {group} only keeps a program alive (run); tasks go to groups with task or serve",
        )
