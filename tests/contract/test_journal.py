"""One suite for the real journal and the fake: what the port promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.waiting import until
from tmaxd.ports import Journal, JournalError, Proc, Recovered, ServerId
from tmaxd.tasks.records import (
    HELD_PAYLOAD,
    PAGE_CHARS,
    Assigned,
    Finished,
    Record,
    Requeued,
    RevisionApplied,
    RunEnded,
    RunReady,
    RunStarted,
    State,
    Submitted,
    TaskFilter,
)
from tmaxd.testing.journal import FakeJournal
from tmaxd.world.journal import open_journal

Body = Callable[["Store"], Coroutine[Any, Any, None]]


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


@pytest.fixture(params=["fake", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Body], None]:
    """Runs an async body with an open store, and closes it."""

    def runner(body: Body) -> None:
        async def whole() -> None:
            store = Store(tmp_path if request.param == "sqlite" else None)
            store.open()
            try:
                await body(store)
            finally:
                await store.journal.close()

        asyncio.run(whole())

    return runner


def submitted(ids: Sequence[int], group: str = "g", payload: str = "p") -> list[Record]:
    return [Submitted(i, group, f"{payload}{i}", 100.0 + i) for i in ids]


def assigned(task: int, attempt: int = 1, delayed: bool = False) -> Assigned:
    return Assigned(task, "g", attempt, "g-1", "r1", 200.0, delayed)


def requeued(task: int, due: float | None = None, **changes: Any) -> Requeued:
    fields = {
        "id": task, "group": "g", "attempt": 1, "worker": "g-1", "run": "r1", "outcome": "failed",
        "error": "broke", "started": 201.0, "at": 202.0, "due": due, **changes,
    }  # fmt: skip
    return Requeued(**fields)


def finished(task: int, **changes: Any) -> Finished:
    fields = {
        "id": task, "group": "g", "state": "done", "attempt": 1, "worker": "g-1", "run": "r1",
        "outcome": "done", "started": 201.0, "at": 203.0, "result": "fine", **changes,
    }  # fmt: skip
    return Finished(**fields)


def test_a_fresh_journal_holds_nothing(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        found = await store.reopen()
        assert (found.next_id, found.runs, found.leases, found.counts) == (1, (), (), {})
        assert (found.next_due, found.revision) == ({}, None)
        assert store.journal.trouble() is None
        assert await store.journal.story(1) is None

    run(body)


def test_what_is_written_is_recovered(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(*submitted(range(1, 7)), *submitted([7], "other"))
        await store.write(*[assigned(i) for i in range(1, 5)])
        await store.write(
            finished(1),
            requeued(2, due=900.0),
            requeued(3, due=800.0),
            finished(4, state="dead", outcome="failed", result=None, error="broke"),
        )
        await store.write(assigned(5))
        found = await store.reopen()
        assert found.next_id == 8
        assert found.counts["other"] == {"queued": 1}
        kept = {state: n for state, n in found.counts["g"].items() if n}
        assert kept == {"queued": 1, "delayed": 2, "sent": 1, "done": 1, "dead": 1}
        assert found.next_due == {"g": 800.0}
        (lease,) = found.leases
        assert (lease.id, lease.attempt, lease.worker, lease.run) == (5, 1, "g-1", "r1")
        assert (lease.group, lease.payload, lease.at, lease.sent) == ("g", "p5", 105.0, 200.0)

    run(body)


def test_a_long_payload_is_not_part_of_a_lease(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(
            Submitted(1, "g", "a" * HELD_PAYLOAD, 1.0),
            Submitted(2, "g", "b" * (HELD_PAYLOAD + 1), 1.0),
        )
        await store.write(assigned(1), assigned(2))
        first, second = (await store.reopen()).leases
        assert first.payload == "a" * HELD_PAYLOAD
        assert second.payload is None

    run(body)


def test_pages_go_through_the_queued_tasks_by_id(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(*submitted(range(1, 8)), *submitted([8], "other"))
        await store.write(assigned(2), assigned(4), assigned(5))
        await store.write(requeued(4), finished(5))
        page = await store.journal.page("g", 0, 3)
        assert [(t.id, t.payload, t.attempt, t.at) for t in page.tasks] == [
            (1, "p1", 0, 101.0),
            (3, "p3", 0, 103.0),
            (4, "p4", 1, 104.0),
        ]
        assert page.more
        rest = await store.journal.page("g", 4, 3)
        assert ([t.id for t in rest.tasks], rest.more) == ([6, 7], False)
        assert (await store.journal.page("g", 7, 3)).tasks == ()

    run(body)


def test_a_page_ends_early_when_payloads_are_large(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        large = "x" * (PAGE_CHARS // 2)
        await store.write(*[Submitted(i, "g", large, 1.0) for i in range(1, 5)])
        page = await store.journal.page("g", 0, 100)
        assert ([t.id for t in page.tasks], page.more) == ([1, 2], True)

    run(body)


def test_a_read_sees_what_was_given_before_it(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        for i in range(1, 30):
            store.journal.write(submitted([i]))
            page = await store.journal.page("g", i - 1, 5)
            assert [t.id for t in page.tasks] == [i]

    run(body)


def test_due_gives_delayed_tasks_whose_time_has_come(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(*submitted(range(1, 6)))
        await store.write(*[assigned(i) for i in range(1, 5)])
        await store.write(
            *[requeued(i, due=500.0 - i) for i in range(1, 4)], requeued(4, due=700.0)
        )
        nothing = await store.journal.due("g", 496.9, 10)
        assert (nothing.tasks, nothing.more, nothing.next_due) == ((), False, 497.0)
        page = await store.journal.due("g", 499.0, 2)
        assert ([(t.id, t.attempt) for t in page.tasks], page.more) == ([(3, 1), (2, 1)], True)
        assert page.next_due == 700.0
        await store.write(assigned(3, 2, delayed=True), assigned(2, 2, delayed=True))
        page = await store.journal.due("g", 499.0, 2)
        assert ([t.id for t in page.tasks], page.more) == ([1], False)
        counts = (await store.reopen()).counts["g"]
        assert {s: n for s, n in counts.items() if n} == {"queued": 1, "delayed": 2, "sent": 2}

    run(body)


def test_an_unsent_attempt_is_not_spent(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(*submitted([1]))
        await store.write(assigned(1), requeued(1, outcome="unsent", error="", started=None))
        (task,) = (await store.journal.page("g", 0, 1)).tasks
        assert task.attempt == 0
        story = await store.journal.story(1)
        assert story is not None
        assert story.attempts == ()

    run(body)


def test_the_story_of_a_task(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        payload = "tab\t ü " + "x" * 300
        await store.write(Submitted(1, "g", payload, 100.0))
        await store.write(assigned(1), requeued(1, due=300.0))
        await store.write(Assigned(1, "g", 2, "g-2", "r2", 301.0, True))
        await store.write(finished(1, attempt=2, worker="g-2", run="r2", started=302.0, at=303.0))
        story = await store.journal.story(1)
        assert story is not None
        row = story.task
        assert (story.payload, row.payload) == (payload, payload[:200])
        assert (story.result, story.result_file) == ("fine", None)
        assert (row.state, row.attempt, row.worker, row.run) == ("done", 2, "g-2", "r2")
        assert (row.submitted, row.sent, row.started, row.ended) == (100.0, 301.0, 302.0, 303.0)
        (first,) = story.attempts
        assert (first.attempt, first.worker, first.run, first.outcome) == (1, "g-1", "r1", "failed")
        assert (first.error, first.started, first.ended) == ("broke", 201.0, 202.0)

    run(body)


def test_tasks_are_listed_newest_first_and_filtered(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(*submitted(range(1, 6)), *submitted([6], "other"))
        await store.write(assigned(1), assigned(2), assigned(3))
        await store.write(finished(1), finished(2, state="dead", outcome="lost", error="gone"))
        assert await store.states(limit=3) == [(6, "queued"), (5, "queued"), (4, "queued")]
        assert await store.states(group="g", before=3) == [(2, "dead"), (1, "done")]
        assert await store.states(states=("running",)) == [(3, "sent")]
        assert await store.states(states=("dead", "done")) == [(2, "dead"), (1, "done")]
        assert await store.states(ids=(6, 2, 77)) == [(6, "queued"), (2, "dead")]
        assert await store.states(limit=0) == []

    run(body)


def test_runs_are_known_until_they_end(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        for name in ("r1", "r2"):
            started = RunStarted(
                run=name, worker="g-1", pid=10, start=20, boot_id="b", server_pid=30,
                server_started=40, revision=3, at=50.0,
            )  # fmt: skip
            await store.write(started)
        await store.write(RunReady("r2", 64, "tsv"), RunEnded("r1", None, 9, "crashed", 60.0))
        (record,) = (await store.reopen()).runs
        assert (record.run, record.worker, record.proc, record.boot_id) == (
            "r2",
            "g-1",
            Proc(10, 20),
            "b",
        )
        assert (record.server, record.started, record.revision) == (ServerId(30, 40), 50.0, 3)
        assert (record.ready, record.window, record.form) == (True, 64, "tsv")

    run(body)


def test_the_last_revision_is_recovered(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        for number in range(1, 60):
            await store.write(RevisionApplied(number, f"d{number}", "version: 1\n", 10.0 + number))
        revision = (await store.reopen()).revision
        assert revision is not None
        assert (revision.number, revision.digest, revision.applied) == (59, "d59", 69.0)
        assert revision.text == "version: 1\n"

    run(body)


def test_batches_become_durable_in_order(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        order: list[int] = []

        async def one(number: int, write: Awaitable[None]) -> None:
            await write
            order.append(number)

        writes = [store.journal.write(submitted([i])) for i in range(1, 50)]
        await asyncio.gather(*[one(i, write) for i, write in enumerate(writes)])
        assert order == sorted(order)
        assert len(order) == 49

    run(body)


def test_nothing_is_written_after_close(run: Callable[[Body], None]) -> None:
    async def body(store: Store) -> None:
        await store.write(*submitted([1]))
        await store.journal.close()
        with pytest.raises(JournalError, match="closed"):
            await store.journal.write(submitted([2]))
        with pytest.raises(JournalError, match="closed"):
            await store.journal.story(1)
        found = store.open()
        assert found.next_id == 2

    run(body)


def test_the_fake_loses_what_is_not_durable_and_waits_while_it_cannot_write() -> None:
    async def body() -> None:
        journal = FakeJournal(automatic=False)
        first, second = journal.write(submitted([1])), journal.write(submitted([2]))
        assert journal.commit(1) == 1
        assert (first.done(), second.done()) == (True, False)
        assert journal.crash().next_id == 2
        journal.fail("disk full")
        third = journal.write(submitted([2]))
        assert (journal.commit(), journal.trouble()) == (0, "disk full")
        journal.heal()
        assert (journal.commit(), journal.trouble()) == (1, None)
        await until(third.done, "the batch is durable")
        with pytest.raises(AssertionError):
            journal.disk.apply(finished(2))

    asyncio.run(body())
