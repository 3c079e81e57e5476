"""One suite for the real journal and the fake: tasks that are named, listed, and told the story of."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.journal_worlds import (
    Run,
    Store,
    assigned,
    closed,
    done,
    ids_of,
    requeued,
    runner,
    submitted,
    withdrawn,
)
from tmaxd.tasks.records import Found, Options, Released, Revived, Submitted, TaskFilter


@pytest.fixture(params=["fake", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(request.param, tmp_path)


def test_what_a_group_knows_by_key(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, key="k"), submitted(2, group="other", key="k"))
        assert await store.journal.find_key("g", "k") == (1, "p1", "queued")
        assert await store.journal.find_key("other", "k") == (2, "p2", "queued")
        assert await store.journal.find_key("g", "K") is None
        await store.write(assigned(1, 1))
        assert await store.journal.find_key("g", "k") == (1, "p1", "sent")
        await store.write(done(1), withdrawn(2, group="other"))
        assert await store.journal.find_key("g", "k") == (1, "p1", "done")
        assert await store.journal.find_key("other", "k") == (2, "p2", "cancelled")

    run(body)


def test_found_is_what_there_is(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 6), submitted(7, group="other", due=300.0))
        await store.write(assigned(1, 1, 2, 3, 4), done(1), closed(2), requeued(3), withdrawn(6))
        assert await store.journal.find((7, 6, 5, 4, 3, 2, 1, 99, 1)) == (
            Found(1, "g", "done", 1, 101.0),
            Found(2, "g", "dead", 1, 101.0, "failed"),
            Found(3, "g", "queued", 1, 101.0),
            Found(4, "g", "sent", 1, 101.0),
            Found(5, "g", "queued", 0, 101.0),
            Found(6, "g", "cancelled", 0, 101.0, "cancelled"),
            Found(7, "other", "delayed", 0, 107.0),
        )

    run(body)


def test_the_story_of_a_task(run: Run) -> None:
    async def body(store: Store) -> None:
        payload = "tab\t ü " + "x" * 300
        await store.write(
            Submitted(1, "g", [payload], 100.0, Options(priority=4, key="k", source=9))
        )
        await store.write(assigned(1, 1))
        await store.write(requeued(1, outcome="unsent", error="", started=None), Released("r1"))
        await store.write(assigned(2, 1), requeued(1, due=300.0))
        await store.write(assigned(3, 1, attempt=2), done(1, attempt=2, delayed=1))
        story = await store.journal.story(1)
        assert story is not None
        row = story.task
        assert (story.payload, row.payload) == (payload, payload[:200])
        assert (story.result, story.result_file) == ("result 1", None)
        assert (row.state, row.attempt, row.worker, row.run) == ("done", 2, "g-1", "r1")
        assert (row.submitted, row.sent, row.started, row.ended) == (100.0, 200.0, 201.0, 203.0)
        assert (row.outcome, row.error, row.due) == ("done", None, None)
        assert (row.priority, row.key, row.source, row.hops) == (4, "k", 9, 0)
        unsent, failed = story.attempts
        assert (unsent.attempt, unsent.outcome, unsent.started, unsent.error) == (
            1,
            "unsent",
            None,
            "",
        )
        assert (failed.attempt, failed.worker, failed.run, failed.outcome) == (
            1,
            "g-1",
            "r1",
            "failed",
        )
        assert (failed.error, failed.sent, failed.started, failed.ended) == (
            "broke",
            200.0,
            201.0,
            202.0,
        )

    run(body)


def test_a_task_that_was_over_is_tried_again(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 2, expires=150.0), assigned(1, 1, 2), closed(1), done(2))
        await store.write(Revived(id=1, group="g", at=210.0, was="dead"))
        found = await store.reopen()
        assert (found.next_due, found.next_expiry, found.leases) == ({"g": 210.0}, {}, ())
        (task,) = (await store.journal.due("g", 210.0, 9)).tasks
        assert (task.id, task.attempt, task.base, task.expires) == (1, 1, 1, None)
        assert (await store.journal.expired("g", 999.0, 9)).tasks == ()
        await store.write(assigned(2, 1, attempt=2))
        (lease,) = (await store.reopen()).leases
        assert (lease.attempt, lease.base, lease.was, lease.expires) == (2, 1, "delayed", None)
        await store.write(done(1, attempt=2, delayed=1))
        story = await store.journal.story(1)
        assert story is not None
        assert [(a.attempt, a.outcome, a.error) for a in story.attempts] == [(1, "failed", "broke")]
        assert (story.task.state, story.task.attempt, story.task.error) == ("done", 2, None)

    run(body)


def test_an_end_while_it_waited_leaves_no_attempt_behind(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1), assigned(1, 1), requeued(1, due=300.0))
        await store.write(withdrawn(1, attempt=1, was="delayed", error="by hand"))
        (row,) = await store.journal.tasks(TaskFilter(states=("cancelled",)))
        assert (row.worker, row.run, row.sent) == (None, None, None), "nobody had it then"
        assert (row.ended, row.outcome) == (204.0, "cancelled")
        await store.write(Revived(id=1, group="g", at=210.0, was="cancelled"))
        story = await store.journal.story(1)
        assert story is not None
        assert [a.outcome for a in story.attempts] == ["failed"]
        assert (story.task.state, story.task.attempt, story.task.due) == ("delayed", 1, 210.0)
        assert (story.task.ended, story.task.error) == (None, "by hand")

    run(body)


def test_tasks_are_listed_newest_first_and_filtered(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 5), submitted(6, group="other", due=300.0, source=2))
        await store.write(assigned(1, 1, 2, 3), done(1), closed(2, outcome="lost"))
        assert await store.states(limit=3) == [(6, "delayed"), (5, "queued"), (4, "queued")]
        assert await store.states(group="g", before=3) == [(2, "dead"), (1, "done")]
        assert await store.states(states=("running",)) == [(3, "sent")]
        assert await store.states(states=("queued",)) == [(5, "queued"), (4, "queued")]
        assert await store.states(states=("delayed", "queued"), limit=2) == [
            (6, "delayed"),
            (5, "queued"),
        ]
        assert await store.states(states=("dead", "done")) == [(2, "dead"), (1, "done")]
        assert await store.states(ids=(6, 2, 77)) == [(6, "delayed"), (2, "dead")]
        assert await store.states(worker="g-1") == [(3, "sent"), (2, "dead"), (1, "done")]
        assert await store.states(worker="g-1", states=("done",)) == [(1, "done")]
        assert await store.states(source=2) == [(6, "delayed")]
        assert await store.states(limit=0) == []
        await store.write(submitted(7, key="k"), withdrawn(5))
        assert await store.states(key="k") == [(7, "queued")]
        assert await store.states(states=("cancelled",)) == [(5, "cancelled")]

    run(body)


def test_what_is_done_out_of_order_is_listed_in_order(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 600))
        evens, odds = list(range(2, 601, 2)), list(range(1, 601, 2))
        await store.write(assigned(1, *evens), assigned(2, *odds))
        await store.write(done(*reversed(evens)))
        await store.write(done(*odds[100:], *odds[:90]))
        listed = [task for task, _ in await store.states(states=("done",), limit=1000)]
        assert listed == sorted({*evens, *odds[100:], *odds[:90]}, reverse=True)
        assert await store.states(states=("done",), before=300, limit=2) == [
            (299, "done"),
            (298, "done"),
        ]
        left = odds[90:100]
        assert [task for task, _ in await store.states(states=("sent",))] == left[::-1]
        assert ids_of(await store.journal.page("g", 0, 0, 99)) == left
        story = await store.journal.story(598)
        assert story is not None
        assert story.result == "result 598"

    run(body)
