"""A dispatcher with a journal that is always durable, for tests of one thing at a time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from tmaxd.tasks import events as ev
from tmaxd.tasks.dispatcher import Dispatcher
from tmaxd.tasks.frames import (
    BegunFrame,
    DoneFrame,
    FailedFrame,
    Form,
    Frame,
    ResultsFrame,
    StartedFrame,
)
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Closed, Done, Options, Requeued, TaskRecord
from tmaxd.testing import durable_purge
from tmaxd.testing.disk import Disk

T = TypeVar("T")


class Driver:
    """Keeps what each step gave; `now` is moved by the test."""

    def __init__(self, disk: Disk | None = None, **policies: GroupPolicy) -> None:
        self.disk = disk or Disk()
        self.now = 1000.0
        found = self.disk.recover()
        self.dispatcher = Dispatcher("/spool", found.next_id, found.next_send, queue_items=8)
        self.effects: list[ev.Effect] = []
        self.records: list[TaskRecord] = []
        self.queries: list[ev.Query] = []
        self.wake_at: float | None = None
        self.given: list[tuple[int, int]] = []
        """(id, attempt) of every frame sent so far."""
        self.tell(
            ev.Groups(policies),
            ev.Counts(found.counts, found.lanes, found.next_due, found.next_expiry),
            ev.Restored(found.leases),
        )

    def tell(self, *events: ev.Event) -> None:
        """One step; the records are durable at once, reads are answered in steps of their own."""
        step = self.dispatcher.step(events, self.now)
        self.records, self.effects, self.wake_at = step.records, step.effects, step.wake_at
        assert self.wake_at is None or self.wake_at > self.now
        self.disk.write(step.records)
        self.queries += step.queries
        self.given += [pair for pairs in self.sent().values() for pair in pairs]

    def answer(self) -> None:
        """Do the reads that were asked for, and take the answers in."""
        queries, self.queries = self.queries, []
        self.tell(*[self.read(query) for query in queries])

    def read(self, query: ev.Query) -> ev.Event:
        return read(self.disk, query, self.now)

    def wait(self, seconds: float) -> None:
        """Time passes, and what that brings about is read from disk."""
        self.now += seconds
        self.tell(ev.Tick())
        while self.queries:
            self.answer()

    def submit(
        self, group: str, *payloads: str, max_queue: int | None = None, **options: Any
    ) -> None:
        self.tell(ev.Submit(1, (group,), payloads, Options(**options), max_queue))

    def ready(
        self, worker: str, window: int = 1, run: str = "", form: Form = "json", batch: bool = False
    ) -> None:
        group = worker.rpartition("-")[0]
        self.tell(ev.Ready(worker, group, run or f"run-{worker}", window, form, batch=batch))

    def says(self, worker: str, *frames: Frame, run: str = "") -> None:
        self.tell(ev.Frames(worker, run or f"run-{worker}", frames))

    def dies(self, worker: str, unread: bytes = b"", run: str = "", excused: bool = False) -> None:
        self.tell(ev.Gone(worker, run or f"run-{worker}", unread, excused))

    def verdicts(self) -> dict[int, str]:
        """Of the last `Verdicts` of the last step."""
        return dict(self.of(ev.Verdicts)[-1].tasks)

    def of(self, kind: type[T]) -> list[T]:
        """The effects of one kind of the last step."""
        return [effect for effect in self.effects if isinstance(effect, kind)]

    def written(self, kind: type[T]) -> list[T]:
        """The records of one kind of the last step."""
        return [record for record in self.records if isinstance(record, kind)]

    def sent(self) -> dict[str, list[tuple[int, int]]]:
        """Worker to (id, attempt) of the JSON frames of the last step."""
        found: dict[str, list[tuple[int, int]]] = {}
        for send in self.of(ev.Send):
            for frame in frames_of(send.data):
                found.setdefault(send.worker, []).extend(named(frame))
        return found

    def ends(self) -> list[tuple[int, str, float | None]]:
        """(id, outcome, due) of the attempts that ended in the last step."""
        found: list[tuple[int, str, float | None]] = []
        for record in self.records:
            if isinstance(record, Done):
                found += [(row[0], "done", None) for row in record.tasks]
            elif isinstance(record, Requeued):
                found.append((record.id, record.outcome, record.due))
            elif isinstance(record, Closed):
                found.append((record.id, record.outcome, None))
        return found

    def state(self, task: int) -> str:
        """As the disk shows it: `sent` for what is in flight."""
        return self.disk.entries[task].shown().state


def read(disk: Disk, query: ev.Query, now: float) -> ev.Event:
    """What the disk answers."""
    match query:
        case ev.LoadPage(group, priority, after, limit):
            return ev.Loaded(group, priority, disk.page(group, priority, after, limit))
        case ev.LoadDue(group, limit):
            return ev.DueLoaded(group, disk.due(group, now, limit))
        case ev.LoadExpired(group, limit):
            return ev.ExpiredLoaded(group, disk.expired(group, now, limit))
        case ev.FindTasks(token, ids):
            return ev.TasksFound(token, disk.find(ids))
        case ev.FindKey(token, group, key):
            return ev.KeyFound(token, disk.find_key(group, key))
        case ev.PurgeTasks(token, wish):
            return ev.TasksPurged(token, durable_purge.purge(disk, wish), "")


def frames_of(data: bytes) -> Sequence[dict[str, Any]]:
    return [json.loads(line) for line in data.split(b"\n") if line.startswith(b"{")]


def named(frame: dict[str, Any]) -> list[tuple[int, int]]:
    """(id, attempt) of the tasks of a frame."""
    if frame["t"] == "tasks":
        return [(task, attempt) for task, attempt, _ in frame["tasks"]]
    return [(frame["id"], frame["attempt"])]


def started(task: int, attempt: int = 1) -> StartedFrame:
    return StartedFrame(task, attempt)


def begun(*tasks: int) -> BegunFrame:
    return BegunFrame([(task, 1) for task in tasks])


def done(task: int, attempt: int = 1, result: str = "fine") -> DoneFrame:
    return DoneFrame(task, attempt, result)


def results(*tasks: int) -> ResultsFrame:
    return ResultsFrame([(task, 1, f"r{task}") for task in tasks])


def failed(task: int, attempt: int = 1, **fields: Any) -> FailedFrame:
    return FailedFrame(task, attempt, "broke", **fields)


def cancel(d: Driver, *ids: int) -> None:
    d.tell(ev.Cancel(7, ids))


def counts(d: Driver) -> tuple[int, ...]:
    """Of group g: queued, delayed, in flight, done, dead, cancelled."""
    g = d.dispatcher.view(d.now).groups["g"]
    return g.queued, g.delayed, g.sent + g.running, g.done, g.dead, g.cancelled
