"""One suite for the real journal and the fake: the pages of waiting tasks."""

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
from tmaxd.tasks.records import PAGE_CHARS, Submitted


@pytest.fixture(params=["fake", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(request.param, tmp_path)


def test_pages_go_through_the_queued_tasks_by_id(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 5), submitted(6, 2), submitted(8, group="other"))
        await store.write(assigned(1, 2, 4, 5), requeued(4), done(5))
        page = await store.journal.page("g", 0, 0, 3)
        assert [(t.id, t.payload, t.attempt, t.at) for t in page.tasks] == [
            (1, "p1", 0, 101.0),
            (2, "p2", 0, 101.0),  # leased, and queued by its row
            (3, "p3", 0, 101.0),
        ]
        assert page.more
        rest = await store.journal.page("g", 0, 3, 3)
        assert [(t.id, t.attempt, t.at) for t in rest.tasks] == [
            (4, 1, 101.0),
            (6, 0, 106.0),
            (7, 0, 106.0),
        ]
        assert not rest.more
        assert (await store.journal.page("g", 0, 7, 3)).tasks == ()

    run(body)


def test_each_priority_has_pages_of_its_own(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(
            submitted(1, 2), submitted(3, 300, priority=5), submitted(303, priority=-1)
        )
        assert ids_of(await store.journal.page("g", 0, 0, 10)) == [1, 2]
        page = await store.journal.page("g", 5, 256, 10)
        assert (ids_of(page), page.more) == (list(range(257, 267)), True)
        assert {task.priority for task in page.tasks} == {5}
        assert ids_of(await store.journal.page("g", 5, 298, 10)) == [299, 300, 301, 302]
        assert (await store.reopen()).lanes == {"g": (-1, 0, 5)}

    run(body)


def test_a_page_ends_early_when_payloads_are_large(run: Run) -> None:
    async def body(store: Store) -> None:
        large = "x" * (PAGE_CHARS // 2)
        await store.write(Submitted(1, "g", [large] * 4, 1.0))
        page = await store.journal.page("g", 0, 0, 100)
        assert (ids_of(page), page.more) == ([1, 2], True)

    run(body)


def test_a_read_sees_what_was_given_before_it(run: Run) -> None:
    async def body(store: Store) -> None:
        for i in range(1, 30):
            store.journal.write([submitted(i)])
            assert ids_of(await store.journal.page("g", 0, i - 1, 5)) == [i]
        store.journal.write([submitted(100, due=1.0)])
        assert ids_of(await store.journal.due("g", 99.0, 9)) == [100]
        store.journal.write([submitted(200)])
        assert [found.id for found in await store.journal.find((200,))] == [200]
        store.journal.write([submitted(300, key="new")])
        assert await store.journal.find_key("g", "new") == (300, "p300", "queued")
        store.journal.write([submitted(301, expires=2.0)])
        assert ids_of(await store.journal.expired("g", 99.0, 9)) == [301]

    run(body)


def test_due_gives_delayed_tasks_whose_time_has_come(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 5), submitted(6, 2, due=800.0), assigned(1, 1, 2, 3, 4))
        await store.write(
            *[requeued(i, due=500.0 - i) for i in range(1, 4)], requeued(4, due=700.0)
        )
        nothing = await store.journal.due("g", 496.9, 10)
        assert (nothing.tasks, nothing.more, nothing.next_due) == ((), False, 497.0)
        page = await store.journal.due("g", 499.0, 2)
        assert ([(t.id, t.attempt) for t in page.tasks], page.more) == ([(3, 1), (2, 1)], True)
        assert page.next_due == 700.0
        await store.write(assigned(2, 3, 2, attempt=2), done(3, attempt=2, delayed=1))
        page = await store.journal.due("g", 499.0, 2)
        assert (ids_of(page), page.more) == ([2, 1], False)
        assert ids_of(await store.journal.due("g", 800.0, 9)) == [2, 1, 4, 6, 7]
        counts = (await store.reopen()).counts["g"]
        assert {s: n for s, n in counts.items() if n} == {"queued": 1, "delayed": 5, "done": 1}

    run(body)


def test_expired_gives_waiting_tasks_whose_time_is_over(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(
            submitted(1, 3, expires=500.0), submitted(4, expires=400.0, due=450.0, priority=2),
            submitted(5, 2, expires=600.0), submitted(7, 2),
        )  # fmt: skip
        await store.write(assigned(1, 1, 2, 3, 5, 6), done(1), closed(5))
        page = await store.journal.expired("g", 500.0, 2)
        assert (ids_of(page), page.more, page.next_due) == ([4, 2], True, 600.0)
        assert [task.expires for task in page.tasks] == [400.0, 500.0]
        assert (await store.reopen()).next_expiry == {"g": 400.0}
        await store.write(withdrawn(4, was="delayed"), done(2, 3))
        page = await store.journal.expired("g", 599.0, 2)
        assert (page.tasks, page.more, page.next_due) == ((), False, 600.0)
        assert (await store.reopen()).next_expiry == {"g": 600.0}
        await store.write(done(6))
        assert (await store.reopen()).next_expiry == {}

    run(body)
