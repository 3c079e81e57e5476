"""A facade with a fleet made up of values, for the real API in front of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.ctl.fake_flags import FakeFlags
from tests.ctl.fake_memory import FakeMemory
from tests.ctl.fake_orders import FakeOrders
from tests.ctl.fake_story import ENDS, START, made_up
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import (
    Accepted,
    CleanedUp,
    CleanupWish,
    FlagChange,
    FlagChanged,
    FlagList,
    GroupStatus,
    JournalStatus,
    Ping,
    PlannedAction,
    PlanResult,
    ProblemReport,
    ReloadResult,
    SpecStatus,
    Status,
    Story,
    TaskEnd,
    TaskVerdict,
    TmuxStatus,
    WorkerStatus,
)
from tmaxd.daemon.storeface import StoreFace
from tmaxd.tasks.records import PLAIN, Options, TaskFilter, TaskRow

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


def marked(kind: str) -> str:
    """The problem as tmaxctl prints it, as an error or a warning."""
    return PROBLEM.text.replace(":7:5: ", f":7:5: {kind}: ") + "\n"


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
        "in_file": count,
        "revision": 3,
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


class FakeFleet(FakeOrders):
    """Tasks end by what they say: `fail …` dies, `slow …` waits in the queue, `long …` runs, all else is done at
    once."""

    def __init__(self, fleet: str = "demo", spec: str = "/home/u/tmax.yaml") -> None:
        super().__init__()
        self.now = status(fleet)
        self.stored = FakeMemory(lambda: self.now.workers)
        self.flagged = FakeFlags()
        self.spec = spec
        self.plan_result = PlanResult(outcome="changes", actions=(ACTION,))
        self.reload_result = ReloadResult(outcome="applied", revision=4, converged=True)
        self.planned: list[Path | None] = []
        """The files that plans were asked about."""
        self.waits: list[float] = []
        """What reloads were told to wait."""
        self.stories: dict[int, Story] = {}
        self.batches: list[int] = []
        """Sizes of the calls of `submit`."""
        self.asked: list[Options] = []
        """Their options, where they were given any."""
        self.unreadable: set[int] = set()
        """Ids that a cancel or retry cannot read."""
        self.broken: Exception | None = None
        """Raised by everything that reads tasks."""
        self.wished: list[CleanupWish] = []
        """Clean-ups that were asked for."""
        self.cleaned = CleanedUp(runs=())
        self.ended = asyncio.Event()
        """Set by `down`."""
        self.changed = asyncio.Event()
        self.closed_waits = 0
        self.now_waiting = 0
        """Waits for a task that has not ended."""

    @property
    def memory(self) -> StoreFace:
        return self.stored.face

    def flags(self) -> FlagList:
        return self.flagged.list()

    async def set_flag(self, change: FlagChange) -> FlagChanged:
        return self.flagged.change(change)

    def ping(self) -> Ping:
        return Ping(fleet=self.now.fleet, pid=os.getpid(), version="0.1.0", spec=self.spec)

    def status(self) -> Status:
        return self.now

    async def cleanup(self, wish: CleanupWish) -> CleanedUp:
        self.wished.append(wish)
        return self.cleaned

    async def reload(self, wait: float) -> ReloadResult:
        self.waits.append(wait)
        return self.reload_result

    async def plan(self, spec: Path | None = None) -> PlanResult:
        self.planned.append(spec)
        return self.plan_result

    async def submit(
        self,
        group: str,
        payloads: Sequence[str],
        options: Options = PLAIN,
        max_queue: int | None = None,
    ) -> Accepted:
        self._check(group, payloads, max_queue)
        if options != PLAIN:
            self.asked.append(options)
        if (known := self._of_key(options.key)) is not None:
            if known.payload != payloads[0]:
                raise Denied("key_conflict", f"key {options.key} is of task {known.task.id}")
            return Accepted(known.task.id, 1, existing=True, state=known.task.state)
        first = len(self.stories) + 1
        for offset, payload in enumerate(payloads):
            self.stories[first + offset] = made_up(first + offset, group, payload, options)
        self.batches.append(len(payloads))
        await asyncio.sleep(0)
        return Accepted(first, len(payloads))

    def _check(self, group: str, payloads: Sequence[str], max_queue: int | None) -> None:
        if group not in ("check", "shell"):
            raise Denied("unknown_group", f"there is no group {group}")
        if group == "shell":
            raise Denied("not_a_task_group", "group shell takes no tasks")
        if "refuse me" in payloads:
            raise Denied("bad_payload", "a payload asks to be refused")
        waiting = sum(s.task.state in ("queued", "delayed") for s in self.stories.values())
        if max_queue is not None and waiting + len(payloads) > max_queue:
            raise Denied("queue_full", f"{waiting} tasks wait in {group}, and {max_queue} may")

    def _of_key(self, key: str | None) -> Story | None:
        found = [s for s in self.stories.values() if key is not None and s.task.key == key]
        return found[0] if found else None

    async def cancel(self, ids: Sequence[int]) -> tuple[TaskVerdict, ...]:
        return tuple(TaskVerdict(id, self._cancel(id)) for id in ids)

    def _cancel(self, id: int) -> Any:
        if id in self.unreadable:
            return "unreadable"
        if id not in self.stories:
            return "unknown"
        story = self.stories[id]
        match story.task.state:
            case "queued" | "delayed":
                self._change(id, state="cancelled", ended=time.time(), outcome="cancelled")
                return "cancelled"
            case "sent" | "running":
                self.stories[id] = msgspec.structs.replace(story, cancelling=True)
                return "cancelling"
            case _:
                return "ended"

    async def retry(self, ids: Sequence[int]) -> tuple[TaskVerdict, ...]:
        return tuple(TaskVerdict(id, self._retry(id)) for id in ids)

    def _retry(self, id: int) -> Any:
        if id not in self.stories:
            return "unknown"
        match self.stories[id].task.state:
            case "dead" | "cancelled":
                self._change(id, state="queued", ended=None, outcome=None, error=None)
                return "retried"
            case "done":
                return "done"
            case _:
                return "waiting"

    def _change(self, id: int, **changes: Any) -> None:
        old = self.stories[id]
        task = msgspec.structs.replace(old.task, **changes)
        self.stories[id] = msgspec.structs.replace(old, task=task)
        self.changed.set()

    async def tasks(self, filters: TaskFilter) -> tuple[TaskRow, ...]:
        if self.broken is not None:
            raise self.broken
        rows = [s.task for _, s in sorted(self.stories.items(), reverse=True)]
        return tuple(
            row
            for row in rows
            if filters.group in (None, row.group)
            and (not filters.states or row.state in filters.states)
            and filters.worker in (None, row.worker)
            and filters.key in (None, row.key)
            and filters.source in (None, row.source)
            and (filters.before is None or row.id < filters.before)
        )[: filters.limit]

    async def story(self, task: int) -> Story | None:
        if self.broken is not None:
            raise self.broken
        return self.stories.get(task)

    async def wait(self, ids: Sequence[int]) -> AsyncIterator[TaskEnd]:
        try:
            for id in ids:
                if id not in self.stories:
                    yield TaskEnd(id, "unknown")
                    continue
                while (state := self.stories[id].task.state) not in ENDS:
                    if self.broken is not None:
                        raise self.broken
                    self.changed.clear()
                    self.now_waiting += 1
                    try:
                        await self.changed.wait()
                    finally:
                        self.now_waiting -= 1
                yield TaskEnd(id, ENDS[state])
        finally:
            self.closed_waits += 1

    async def down(self) -> None:
        self.ended.set()

    def finish(self, id: int, result: str = "at last") -> None:
        """End a slow task. In the loop's thread."""
        self._change(id, state="done", ended=time.time())
        self.stories[id] = msgspec.structs.replace(self.stories[id], result=result)
