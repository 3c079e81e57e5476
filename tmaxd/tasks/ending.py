"""How an attempt ends: for good, or with another try. Here records are made, and tasks go back to a queue."""

from __future__ import annotations

from typing import Literal

from tmaxd.tasks.events import Effect, Query, Unspool
from tmaxd.tasks.frames import DoneFrame, payload_path
from tmaxd.tasks.lives import GroupState, Life
from tmaxd.tasks.policy import retry_delay
from tmaxd.tasks.queue import Task
from tmaxd.tasks.records import UNCOUNTED, Finished, Outcome, Requeued, TaskRecord


class Out:
    """What one step brings about, as it grows."""

    __slots__ = ("effects", "ended", "queries", "records", "returned", "spool")

    def __init__(self, spool: str) -> None:
        self.spool = spool
        """The folder of payload files."""
        self.records: list[TaskRecord] = []
        self.effects: list[Effect] = []
        self.queries: list[Query] = []
        self.ended: list[tuple[int, Literal["done", "dead"]]] = []
        self.returned: list[Task] = []

    def return_to(self, group: GroupState) -> None:
        """Put the tasks that `end` left in `returned` before all others, by id."""
        if self.returned:
            group.queue.come_back(sorted(self.returned, key=lambda task: task.id))
            self.returned = []


def finish(life: Life, task: Task, frame: DoneFrame, now: float, out: Out) -> None:
    """The task is done; the caller has taken it from the life's leases."""
    group = life.group
    group.done += 1
    life.done += 1
    began = task.sent if task.started is None else task.started
    group.meter.run_times.append(now - began)
    group.meter.wait_times.append(began - task.at)
    out.records.append(
        Finished(
            id=task.id,
            group=group.name,
            state="done",
            attempt=task.attempt,
            worker=life.worker,
            run=life.run,
            outcome="done",
            started=task.started,
            at=now,
            result=frame.result,
            result_file=frame.result_file,
        )
    )
    _over(group, task, "done", out)


def end(life: Life, task: Task, outcome: Outcome, error: str, now: float, out: Out) -> None:
    """The attempt ended without a result; the caller has taken it from the life's leases and calls
    `out.return_to` after the last one."""
    group = life.group
    delay = retry_delay(group.rules, outcome, task.attempt, task.id)
    if delay is None:
        _bury(life, task, outcome, error, now, out)
        return
    due = now + delay if delay > 0 else None
    if due is None and task.payload is None:
        due = now  # memory no longer holds its payload, and a task that is due is read from disk at once
    out.records.append(
        Requeued(
            id=task.id,
            group=group.name,
            attempt=task.attempt,
            worker=life.worker,
            run=life.run,
            outcome=outcome,
            error=error,
            started=task.started,
            at=now,
            due=due,
        )
    )
    if due is not None:
        group.delayed += 1
        group.queue.delay(task, due)
        return
    group.queued += 1
    if outcome not in UNCOUNTED:
        task.spent = task.attempt
    out.returned.append(task)


def _bury(life: Life, task: Task, outcome: Outcome, error: str, now: float, out: Out) -> None:
    group = life.group
    group.dead += 1
    out.records.append(
        Finished(
            id=task.id,
            group=group.name,
            state="dead",
            attempt=task.attempt,
            worker=life.worker,
            run=life.run,
            outcome=outcome,
            started=task.started,
            at=now,
            error=error,
        )
    )
    _over(group, task, "dead", out)


def _over(group: GroupState, task: Task, state: Literal["done", "dead"], out: Out) -> None:
    out.ended.append((task.id, state))
    if task.marked:
        group.queue.ended(task)
    if task.spooled:
        out.effects.append(Unspool(task.id, payload_path(out.spool, task.id)))
