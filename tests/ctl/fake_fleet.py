"""A facade with a fleet made up of values, for the real API in front of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import (
    Accepted,
    GroupStatus,
    JournalStatus,
    Ping,
    PlannedAction,
    PlanResult,
    ProblemReport,
    ReloadResult,
    SpecStatus,
    Status,
    TaskEnd,
    TmuxStatus,
    WorkerStatus,
)
from tmaxd.tasks.records import AttemptRow, TaskFilter, TaskRow, TaskStory

START = 1_700_000_000.0

PROBLEM = ProblemReport(
    file="tmax.yaml",
    line=7,
    column=5,
    key="workers.check.cuont",
    message="unknown key",
    allowed="count, cwd",
    nearest="count",
    source="    cuont: 4",
    caret=4,
    text="tmax.yaml:7:5: workers.check.cuont: unknown key\n"
    "    7 |     cuont: 4\n"
    "      |     ^\n"
    "  did you mean `count`? allowed: count, cwd",
)

ACTION = PlannedAction(
    action="start",
    worker="check-3",
    group="check",
    reason="added",
    field="workers.check.count",
    detail="count 2 → 3",
)


def group(name: str, kind: Any = "task", count: int = 2, **changes: Any) -> GroupStatus:
    values: dict[str, Any] = {
        "ready": count,
        "workers": count,
        "queued": 0,
        "delayed": 0,
        "sent": 0,
        "running": 0,
        "done": 0,
        "dead": 0,
        "rate": 0.0,
        "p50_ms": None,
        "p99_ms": None,
    }
    return GroupStatus(name=name, kind=kind, count=count, **(values | changes))


def worker(name: str, state: Any = "idle", **changes: Any) -> WorkerStatus:
    values: dict[str, Any] = {
        "reason": "added",
        "message": "",
        "since": START,
        "pid": 4242,
        "run": "r1",
        "revision": 3,
        "restarts": 0,
        "last_exit": None,
        "ready": True,
        "in_flight": 0,
        "running": (),
        "next_start": None,
        "pending": None,
    }
    return WorkerStatus(name=name, group=name.rpartition("-")[0], state=state, **(values | changes))


def status(fleet: str = "demo", **changes: Any) -> Status:
    values: dict[str, Any] = {
        "version": "0.1.0",
        "pid": os.getpid(),
        "started": START,
        "spec": SpecStatus(path="/home/u/tmax.yaml", state="in_force", revision=3, applied=START),
        "converged": True,
        "tmux": TmuxStatus(
            server_pid=77, version="3.3a", channel="control", socket="/run/x/tmux.sock"
        ),
        "groups": (group("check"), group("shell", "run", 1)),
        "workers": (worker("check-1"), worker("check-2"), worker("shell-1", "running")),
        "journal": JournalStatus(trouble=None),
    }
    return Status(fleet=fleet, **(values | changes))


class FakeFleet:
    """Tasks end by what they say: `fail …` dies, `slow …` waits in the queue, all else is done at once."""

    def __init__(self, fleet: str = "demo", spec: str = "/home/u/tmax.yaml") -> None:
        self.now = status(fleet)
        self.spec = spec
        self.plan_result = PlanResult(outcome="changes", actions=(ACTION,))
        self.reload_result = ReloadResult(outcome="applied", revision=4, converged=True)
        self.planned: list[Path | None] = []
        """The files that plans were asked about."""
        self.waits: list[float] = []
        """What reloads were told to wait."""
        self.stories: dict[int, TaskStory] = {}
        self.batches: list[int] = []
        """Sizes of the calls of `submit`."""
        self.broken: Exception | None = None
        """Raised by everything that reads tasks."""
        self.ended = asyncio.Event()
        """Set by `down`."""
        self.changed = asyncio.Event()
        self.closed_waits = 0

    def ping(self) -> Ping:
        return Ping(fleet=self.now.fleet, pid=os.getpid(), version="0.1.0", spec=self.spec)

    def status(self) -> Status:
        return self.now

    async def reload(self, wait: float) -> ReloadResult:
        self.waits.append(wait)
        return self.reload_result

    async def plan(self, spec: Path | None = None) -> PlanResult:
        self.planned.append(spec)
        return self.plan_result

    async def submit(self, group: str, payloads: Sequence[str]) -> Accepted:
        if group not in ("check", "shell"):
            raise Denied("unknown_group", f"there is no group {group}")
        if group == "shell":
            raise Denied("not_a_task_group", "group shell takes no tasks")
        if "refuse me" in payloads:
            raise Denied("bad_payload", "a payload asks to be refused")
        await asyncio.sleep(0)
        first = len(self.stories) + 1
        for offset, payload in enumerate(payloads):
            self.stories[first + offset] = _story(first + offset, group, payload)
        self.batches.append(len(payloads))
        return Accepted(first, len(payloads))

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        if self.broken is not None:
            raise self.broken
        rows = [s.task for _, s in sorted(self.stories.items(), reverse=True)]
        return tuple(
            row
            for row in rows
            if filters.group in (None, row.group)
            and (not filters.states or row.state in filters.states)
            and (filters.before is None or row.id < filters.before)
        )[: filters.limit]

    async def story(self, task: int) -> TaskStory | None:
        if self.broken is not None:
            raise self.broken
        return self.stories.get(task)

    async def wait(self, ids: Sequence[int]) -> AsyncIterator[TaskEnd]:
        try:
            for id in ids:
                if id not in self.stories:
                    yield TaskEnd(id, "unknown")
                    continue
                while (state := self.stories[id].task.state) not in ("done", "dead"):
                    if self.broken is not None:
                        raise self.broken
                    self.changed.clear()
                    await self.changed.wait()
                yield TaskEnd(id, "done" if state == "done" else "dead")
        finally:
            self.closed_waits += 1

    async def down(self) -> None:
        self.ended.set()

    def finish(self, id: int, result: str = "at last") -> None:
        """End a slow task. In the loop's thread."""
        old = self.stories[id]
        task = msgspec.structs.replace(old.task, state="done", ended=time.time())
        self.stories[id] = msgspec.structs.replace(old, task=task, result=result)
        self.changed.set()


def _story(id: int, group: str, payload: str) -> TaskStory:
    state: Any = "done"
    if payload.startswith("fail"):
        state = "dead"
    if payload.startswith("slow"):
        state = "queued"
    ended = None if state == "queued" else START + 2.0
    task = TaskRow(
        id=id,
        group=group,
        state=state,
        attempt=0 if state == "queued" else 2 if state == "dead" else 1,
        submitted=START,
        payload=payload[:200],
        worker=None if state == "queued" else "check-1",
        run=None if state == "queued" else "r1",
        started=None if state == "queued" else START + 1.5,
        ended=ended,
        error="exit status 3" if state == "dead" else None,
    )
    earlier = AttemptRow(
        attempt=1,
        worker="check-2",
        run="r0",
        outcome="lost",
        error="",
        started=START + 0.25,
        ended=START + 1.0,
    )
    return TaskStory(
        task=task,
        payload=payload,
        result=f"did {payload}" if state == "done" else None,
        result_file=None,
        attempts=(earlier,) if state == "dead" else (),
    )
