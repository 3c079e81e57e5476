"""A dispatcher with a journal that is always durable, for tests of one thing at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from tmaxd.tasks import events as ev
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.frames import DoneFrame, FailedFrame, Form, Frame, StartedFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Finished, Requeued, TaskRecord
from tmaxd.testing.disk import Disk

T = TypeVar("T")


class Driver:
    """Keeps what each step gave; `now` is moved by the test."""

    def __init__(self, disk: Disk | None = None, **policies: GroupPolicy) -> None:
        self.disk = disk or Disk()
        self.now = 1000.0
        found = self.disk.recover()
        self.dispatcher = Dispatcher("/spool", found.next_id, queue_items=8)
        self.effects: list[ev.Effect] = []
        self.records: list[TaskRecord] = []
        self.queries: list[ev.Query] = []
        self.wake_at: float | None = None
        self.given: list[tuple[int, int]] = []
        """(id, attempt) of every frame sent so far."""
        self.tell(
            ev.Groups(policies), ev.Counts(found.counts, found.next_due), ev.Restored(found.leases)
        )

    def tell(self, *events: ev.Event) -> None:
        """One step; the records are durable at once, reads are answered in steps of their own."""
        step = self.dispatcher.step(events, self.now)
        self.records, self.effects, self.wake_at = step.records, step.effects, step.wake_at
        for record in step.records:
            self.disk.apply(record)
        self.queries += step.queries
        self.given += [pair for pairs in self.sent().values() for pair in pairs]

    def answer(self) -> None:
        """Do the reads that were asked for, and take the answers in."""
        answers: list[ev.Event] = []
        queries, self.queries = self.queries, []
        for query in queries:
            if isinstance(query, ev.LoadPage):
                page = self.disk.page(query.group, query.after, query.limit)
                answers.append(ev.Loaded(query.group, page))
            else:
                page = self.disk.due(query.group, self.now, query.limit)
                answers.append(ev.DueLoaded(query.group, page))
        self.tell(*answers)

    def submit(self, group: str, *payloads: str) -> None:
        self.tell(ev.Submit(1, group, payloads))

    def ready(self, worker: str, window: int = 1, run: str = "", form: Form = "json") -> None:
        group = worker.rpartition("-")[0]
        self.tell(ev.Ready(worker, group, run or f"run-{worker}", window, form))

    def says(self, worker: str, *frames: Frame, run: str = "") -> None:
        self.tell(ev.Frames(worker, run or f"run-{worker}", frames))

    def dies(self, worker: str, unread: bytes = b"", run: str = "") -> None:
        self.tell(ev.Gone(worker, run or f"run-{worker}", unread))

    def of(self, kind: type[T]) -> list[T]:
        """The effects of one kind of the last step."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def sent(self) -> dict[str, list[tuple[int, int]]]:
        """Worker to (id, attempt) of the JSON frames of the last step."""
        found: dict[str, list[tuple[int, int]]] = {}
        for send in self.of(ev.Send):
            for line in send.data.split(b"\n"):
                if line.startswith(b"{"):
                    frame = json.loads(line)
                    found.setdefault(send.worker, []).append((frame["id"], frame["attempt"]))
        return found

    def ends(self) -> list[tuple[int, str, float | None]]:
        """(id, outcome, due) of the attempts that ended in the last step."""
        return [
            (r.id, r.outcome, r.due if isinstance(r, Requeued) else None)
            for r in self.records
            if isinstance(r, Requeued | Finished)
        ]

    def state(self, task: int) -> str:
        return self.disk.entries[task].row.state


def frames_of(data: bytes) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in data.split(b"\n") if line]


def started(task: int, attempt: int = 1) -> StartedFrame:
    return StartedFrame(task, attempt)


def done(task: int, attempt: int = 1, result: str = "fine") -> DoneFrame:
    return DoneFrame(task, attempt, result)


def failed(task: int, attempt: int = 1, **fields: Any) -> FailedFrame:
    return FailedFrame(task, attempt, "broke", **fields)
