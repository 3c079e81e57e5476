"""One suite for the real journal and the fake: what is durable, leases, runs, order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import pytest

from tests.contract.journal_worlds import (
    Run,
    Store,
    assigned,
    closed,
    done,
    requeued,
    runner,
    submitted,
    withdrawn,
)
from tests.waiting import until
from tmaxd.ports import JournalError, Proc, RunOver, ServerId
from tmaxd.tasks.records import (
    HELD_PAYLOAD,
    Assigned,
    Delivered,
    Released,
    RevisionApplied,
    Revived,
    RunEnded,
    RunReady,
    RunStarted,
    RunTaken,
    Submitted,
    TaskFilter,
)
from tmaxd.testing.journal import FakeJournal


@pytest.fixture(params=["fake", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(request.param, tmp_path)


def test_a_fresh_journal_holds_nothing(run: Run) -> None:
    async def body(store: Store) -> None:
        found = await store.reopen()
        assert (found.next_id, found.runs, found.leases, found.counts) == (1, (), (), {})
        assert (found.lanes, found.next_due, found.next_expiry) == ({}, {}, {})
        assert (found.next_send, found.revision) == (1, None)
        assert store.journal.trouble() is None
        assert store.journal.problems() == ()
        assert await store.journal.story(1) is None
        assert await store.journal.find((1, 2)) == ()
        assert await store.journal.find_key("g", "k") is None

    run(body)


def test_what_is_written_is_recovered(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 7), submitted(8, group="other", priority=3, expires=70.0))
        await store.write(assigned(1, 1, 2, 3, 4, 5), assigned(2, 6))
        await store.write(
            done(1), requeued(2, due=900.0), requeued(3, due=800.0), closed(4), withdrawn(7)
        )
        found = await store.reopen()
        assert (found.next_id, found.next_send) == (9, 3)
        assert found.counts["other"] == {"queued": 1}
        kept = {state: n for state, n in found.counts["g"].items() if n}
        assert kept == {"queued": 2, "delayed": 2, "done": 1, "dead": 1, "cancelled": 1}
        assert found.lanes == {"g": (0,), "other": (3,)}
        assert (found.next_due, found.next_expiry) == ({"g": 800.0}, {"other": 70.0})
        first, second = found.leases
        assert (first.id, first.attempt, first.worker, first.run) == (5, 1, "g-1", "r1")
        assert (first.group, first.payload, first.at, first.sent) == ("g", "p5", 101.0, 200.0)
        assert (first.send, first.was, second.id, second.send) == (1, "queued", 6, 2)

    run(body)


def test_a_lease_holds_for_the_attempt_that_the_task_waits_for(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 3, priority=2, affinity="x", hops=1))
        await store.write(assigned(1, 1, 2, 3))
        await store.write(requeued(1), requeued(2, due=300.0))
        await store.write(assigned(2, 2, attempt=2))
        second, third = (await store.reopen()).leases
        assert (second.id, second.attempt, second.send, second.was) == (2, 2, 2, "delayed")
        assert (third.id, third.attempt, third.send, third.was) == (3, 1, 1, "queued")
        assert (third.priority, third.affinity, third.hops, third.base) == (2, "x", 1, 0)
        await store.write(done(3), Delivered([1]), done(2, attempt=2, delayed=1), Delivered([2]))
        found = await store.reopen()
        assert (found.leases, found.next_send) == ((), 1)

    run(body)


def test_a_dead_run_holds_nothing_once_it_is_released(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 3), assigned(1, 1, 2), assigned(2, 3, run="r2"))
        await store.write(
            requeued(1, outcome="unsent", started=None), requeued(2, outcome="lost"), Released("r1")
        )
        (lease,) = (await store.reopen()).leases
        assert (lease.id, lease.run) == (3, "r2")
        page = await store.journal.page("g", 0, 0, 10)
        assert [(t.id, t.attempt) for t in page.tasks] == [(1, 0), (2, 1), (3, 0)]
        await store.write(assigned(3, 1))
        assert [(e.id, e.attempt) for e in (await store.reopen()).leases] == [(1, 1), (3, 1)]

    run(body)


def test_an_attempt_that_was_given_back_keeps_its_number_and_counts_against_no_limit(
    run: Run,
) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 3), assigned(1, 1, 2, 3))
        await store.write(requeued(2, outcome="returned", error="", started=None))
        assert [(e.id, e.attempt) for e in (await store.reopen()).leases] == [(1, 1), (3, 1)]
        page = await store.journal.page("g", 0, 0, 10)
        assert [(t.id, t.attempt, t.base) for t in page.tasks] == [(1, 0, 0), (2, 1, 1), (3, 0, 0)]
        await store.write(done(1, 3), assigned(2, 2, attempt=2), Delivered([1]))
        again = {"attempt": 2, "outcome": "returned", "error": "", "started": None}
        await store.write(requeued(2, due=300.0, **again), Delivered([2]))
        (task,) = (await store.journal.due("g", 300.0, 9)).tasks
        assert (task.id, task.attempt, task.base) == (2, 2, 2)
        await store.write(assigned(3, 2, attempt=3), requeued(2, attempt=3, was="delayed"))
        await store.write(assigned(4, 2, attempt=4), closed(2, attempt=4))
        await store.write(Revived(id=2, group="g", at=400.0, was="dead"))
        (task,) = (await store.journal.due("g", 400.0, 9)).tasks
        assert (task.attempt, task.base) == (4, 4)
        story = await store.journal.story(2)
        assert story is not None
        outcomes = [row.outcome for row in story.attempts]
        assert outcomes == ["returned", "returned", "failed", "failed"]

    run(body)


def test_a_lease_says_what_time_its_tasks_may_take(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(
            submitted(1, 3),
            Assigned(1, "g", "g-1", "r1", [1], [1], 200.0, 2.5),
            Assigned(2, "g", "g-1", "r1", [2], [1], 200.0),
        )
        leases = (await store.reopen()).leases
        assert [(lease.id, lease.timeout) for lease in leases] == [(1, 2.5), (2, None)]

    run(body)


def test_a_long_payload_is_not_part_of_a_lease(run: Run) -> None:
    async def body(store: Store) -> None:
        texts = ["a" * HELD_PAYLOAD, "b" * (HELD_PAYLOAD + 1)]
        await store.write(Submitted(1, "g", texts, 1.0), assigned(1, 1, 2))
        first, second = (await store.reopen()).leases
        assert (first.payload, second.payload) == ("a" * HELD_PAYLOAD, None)

    run(body)


def test_a_lease_does_not_come_back_with_a_revived_task(run: Run) -> None:
    """A task of a shared FIFO is cancelled before anybody took it; the others under its send live on."""

    async def body(store: Store) -> None:
        shared = Assigned(1, "g", "", "", [1, 2], [1, 1], 200.0)
        await store.write(submitted(1, 2), shared, withdrawn(1))
        await store.write(Revived(id=1, group="g", at=210.0, was="cancelled"))
        (lease,) = (await store.reopen()).leases
        assert (lease.id, lease.worker, lease.run) == (2, "", "")
        rows = await store.journal.tasks(TaskFilter(states=("sent",)))
        assert [(row.id, row.worker, row.run) for row in rows] == [(2, None, None)]

    run(body)


def test_a_shared_lease_is_written_anew_when_a_part_of_it_goes_back(
    run: Run,
) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 3), Assigned(1, "g", "", "", [1, 2, 3], [1, 1, 1], 200.0))
        await store.write(
            requeued(2, outcome="unsent", error="", started=None, worker="", run=""),
            Assigned(2, "g", "", "", [1, 3], [1, 1], 200.0),
            Delivered([1]),
        )
        leases = (await store.reopen()).leases
        assert [(lease.id, lease.send) for lease in leases] == [(1, 2), (3, 2)]
        await store.write(done(1, 3), Delivered([2]))
        assert (await store.reopen()).leases == ()

    run(body)


def test_runs_are_known_until_they_end(run: Run) -> None:
    async def body(store: Store) -> None:
        for name in ("r1", "r2"):
            started = RunStarted(
                run=name, worker="g-1", pid=10, start=20, boot_id="b", server_pid=30,
                server_started=40, revision=3, at=50.0, log_file=7, log_size=2**40,
            )  # fmt: skip
            await store.write(started)
        await store.write(RunReady("r2", 64, "tsv", True, said=True, ready=False))
        (_, record) = (await store.reopen()).runs
        assert (record.said, record.ready) == (True, False)
        await store.write(
            RunReady("r2", 64, "tsv", True, said=False, ready=True),
            RunEnded("r1", None, 9, "crashed", 60.0),
        )
        (record,) = (await store.reopen()).runs
        assert (record.run, record.worker, record.proc, record.boot_id) == (
            "r2",
            "g-1",
            Proc(10, 20),
            "b",
        )
        assert (record.server, record.started, record.revision) == (ServerId(30, 40), 50.0, 3)
        assert (record.window, record.form, record.batch) == (64, "tsv", True)
        assert (record.said, record.ready) == (True, True), "what was true once stays so"
        assert (record.log_file, record.log_size) == (7, 2**40)

    run(body)


def test_a_spare_that_was_taken_is_the_worker_s_run(run: Run) -> None:
    async def body(store: Store) -> None:
        for name, worker, at in (("spare", "g_1", 50.0), ("former", "g-1", 60.0)):
            started = RunStarted(
                run=name, worker=worker, pid=10, start=20, boot_id="b", server_pid=30,
                server_started=40, revision=3, at=at,
            )  # fmt: skip
            await store.write(started)
        await store.write(RunReady("spare", 4, "json"), RunTaken("spare", "g-1", 70.0, 7, 2**40))
        await store.write(RunTaken("unknown", "g-2", 70.0, 0, 0))
        spare, former = (await store.reopen()).runs
        assert (spare.run, spare.worker, spare.started) == ("spare", "g-1", 70.0)
        assert (spare.log_file, spare.log_size, spare.ready) == (7, 2**40, True)
        assert former.started < spare.started, "the later of the worker's two runs"
        await store.write(RunEnded("spare", None, 9, "crashed", 80.0))
        assert [record.run for record in (await store.reopen()).runs] == ["former"]

    run(body)


def test_who_may_have_taken_a_shared_lease_with_it_is_told(run: Run) -> None:
    async def body(store: Store) -> None:
        for name, over in (("r1", 199.0), ("r2", 201.0), ("r3", 200.0), ("r4", None)):
            started = RunStarted(
                run=name, worker=f"g-{name[1:]}", pid=10, start=20, boot_id="b", server_pid=30,
                server_started=40, revision=3, at=50.0,
            )  # fmt: skip
            await store.write(started)
            if over is not None:
                await store.write(RunEnded(name, None, 9, "crashed", over))
        await store.write(submitted(1, 3), assigned(1, 1))
        assert (await store.reopen()).over == (), "nobody asks"
        await store.write(
            Assigned(2, "g", "", "", [2], [1], 200.0), Assigned(3, "g", "", "", [3], [1], 300.0)
        )
        assert (await store.reopen()).over == (
            RunOver("r3", "g-3", 200.0, "crashed"),
            RunOver("r2", "g-2", 201.0, "crashed"),
        )

    run(body)


def test_the_last_revision_is_recovered(run: Run) -> None:
    async def body(store: Store) -> None:
        for number in range(1, 60):
            await store.write(RevisionApplied(number, f"d{number}", "version: 1\n", 10.0 + number))
        revision = (await store.reopen()).revision
        assert revision is not None
        assert (revision.number, revision.digest, revision.applied) == (59, "d59", 69.0)
        assert revision.text == "version: 1\n"

    run(body)


def test_batches_become_durable_in_order(run: Run) -> None:
    async def body(store: Store) -> None:
        order: list[int] = []

        async def one(number: int, write: Awaitable[None]) -> None:
            await write
            order.append(number)

        writes = [store.journal.write([submitted(i)]) for i in range(1, 50)]
        await asyncio.gather(*[one(i, write) for i, write in enumerate(writes)])
        assert order == sorted(order)
        assert len(order) == 49

    run(body)


def test_nothing_is_written_after_close(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1))
        await store.journal.close()
        with pytest.raises(JournalError, match="closed"):
            await store.journal.write([submitted(2)])
        with pytest.raises(JournalError, match="closed"):
            await store.journal.story(1)
        found = store.open()
        assert found.next_id == 2

    run(body)


def test_the_fake_loses_what_is_not_durable_and_waits_while_it_cannot_write() -> None:
    async def body() -> None:
        journal = FakeJournal(automatic=False)
        first, second = journal.write([submitted(1)]), journal.write([submitted(2)])
        assert journal.commit(1) == 1
        assert (first.done(), second.done()) == (True, False)
        assert journal.crash().next_id == 2
        journal.fail("disk full")
        third = journal.write([submitted(2)])
        assert (journal.commit(), journal.trouble()) == (0, "disk full")
        journal.heal()
        assert (journal.commit(), journal.trouble()) == (1, None)
        await until(third.done, "the batch is durable")
        with pytest.raises(AssertionError):
            journal.disk.apply(done(2))

    asyncio.run(body())
