"""Journals that can be closed and opened again, and records for them in few words."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from tmaxd.ports import Journal, Recovered
from tmaxd.tasks.records import (
    Assigned,
    Closed,
    Done,
    Options,
    Page,
    Record,
    Requeued,
    State,
    Submitted,
    TaskFilter,
)
from tmaxd.testing.journal import FakeJournal
from tmaxd.world.journal import open_journal

Body = Callable[["Store"], Coroutine[Any, Any, None]]
Run = Callable[[Body], None]


class Store:
    """A journal that can be closed and opened again."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / "state.db" if folder else None
        self._fake = FakeJournal()
        self.journal: Journal = self._fake

    def open(self) -> Recovered:
        if self._path:
            self.journal, recovered = open_journal(self._path)
            return recovered
        disk = self._fake.disk
        self._fake = FakeJournal()
        self._fake.disk = disk
        self.journal = self._fake
        return disk.recover()

    async def reopen(self) -> Recovered:
        await self.journal.close()
        return self.open()

    async def write(self, *records: Record) -> None:
        await self.journal.write(records)

    async def states(self, **filters: Any) -> list[tuple[int, State]]:
        rows = await self.journal.tasks(TaskFilter(**filters))
        return [(row.id, row.state) for row in rows]


def runner(kind: str, folder: Path) -> Run:
    """Runs an async body with an open store of this kind (`fake` or `sqlite`), and closes it."""

    def run(body: Body) -> None:
        async def whole() -> None:
            store = Store(folder if kind == "sqlite" else None)
            store.open()
            try:
                await body(store)
            finally:
                await store.journal.close()

        asyncio.run(whole())

    return run


def submitted(first: int, count: int = 1, group: str = "g", **options: Any) -> Submitted:
    """Submitted at 100 + first; payloads `p1`, `p2`, …"""
    texts = [f"p{task}" for task in range(first, first + count)]
    return Submitted(first, group, texts, 100.0 + first, Options(**options))


def assigned(send: int, *ids: int, attempt: int = 1, run: str = "r1") -> Assigned:
    return Assigned(send, "g", "g-1", run, ids, [attempt] * len(ids), 200.0)


def requeued(task: int, due: float | None = None, **changes: Any) -> Requeued:
    fields = {
        "id": task, "group": "g", "attempt": 1, "worker": "g-1", "run": "r1", "outcome": "failed",
        "error": "broke", "sent": 200.0, "started": 201.0, "at": 202.0, "due": due, "was": "queued",
        **changes,
    }  # fmt: skip
    return Requeued(**fields)


def done(*ids: int, attempt: int = 1, delayed: int = 0) -> Done:
    tasks = [(task, attempt, 200.0, 201.0, f"result {task}", None) for task in ids]
    return Done("g", "g-1", "r1", 203.0, tasks, delayed)


def closed(task: int, **changes: Any) -> Closed:
    fields = {
        "id": task, "group": "g", "state": "dead", "attempt": 1, "worker": "g-1", "run": "r1",
        "outcome": "failed", "sent": 200.0, "started": 201.0, "at": 204.0, "error": "broke",
        "was": "queued", **changes,
    }  # fmt: skip
    return Closed(**fields)


def withdrawn(task: int, **changes: Any) -> Closed:
    """Cancelled while it waited."""
    nobody: dict[str, Any] = {
        "state": "cancelled", "attempt": 0, "worker": None, "run": None, "outcome": "cancelled",
        "sent": None, "started": None,
    }  # fmt: skip
    return closed(task, **{**nobody, **changes})


def ids_of(page: Page) -> list[int]:
    return [task.id for task in page.tasks]
