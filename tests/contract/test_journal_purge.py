"""What is over is forgotten, and nothing else: every journal, the real one and its twin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from tests.contract.journal_worlds import (
    Run,
    Store,
    assigned,
    closed,
    done,
    runner,
    submitted,
    withdrawn,
)
from tmaxd.tasks.records import (
    Delivered,
    Done,
    EventNoted,
    Purge,
    Purged,
    Revived,
    State,
)

LATE = 1000.0
"""After every end in here."""


@pytest.fixture(params=["fake", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(request.param, tmp_path)


async def purged(
    store: Store, what: Any = "tasks", before: float = LATE, **more: Any
) -> list[Purged]:
    """All slices."""
    slices, after = [], (float("-inf"), 0)
    while True:
        wish = Purge(what=what, before=before, after=after, **more)
        slices.append(await store.journal.purge(wish))
        if slices[-1].next is None:
            return slices
        after = slices[-1].next


def untimed(slices: list[Purged]) -> list[Purged]:
    return [replace(part, took=0.0) for part in slices]


def total(slices: list[Purged]) -> int:
    return sum(part.count for part in slices)


async def counts(store: Store) -> Mapping[str, Mapping[State, int]]:
    """Without the zeros."""
    found = (await store.reopen()).counts
    return {g: some for g, of in found.items() if (some := {s: n for s, n in of.items() if n})}


def lease_of(*ids: int, send: int = 1) -> Any:
    return assigned(send, *ids)


def test_what_is_done_and_cancelled_goes_and_what_is_dead_stays(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 6), lease_of(1, 2, 3))
        await store.write(done(1), closed(2), done(3), Delivered([1]), withdrawn(4))
        await store.write(withdrawn(5), withdrawn(6))
        slices = await purged(store)
        assert total(slices) == 5
        assert slices[0].counts == {"g": {"done": 2, "cancelled": 3}}
        assert await store.states() == [(2, "dead")]
        assert await counts(store) == {"g": {"dead": 1}}
        story = await store.journal.story(2)
        assert story is not None
        assert (story.payload, story.task.error) == ("p2", "broke")
        assert total(await purged(store)) == 0
        assert total(await purged(store, "dead")) == 1
        assert await store.states() == []
        assert await counts(store) == {}

    run(body)


def test_what_is_dead_goes_alone(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 5), lease_of(1, 2, 3, 4, 5))
        await store.write(done(1), closed(2), done(3), closed(4), done(5), Delivered([1]))
        slices = await purged(store, "dead")
        assert total(slices) == 2
        assert await store.states() == [(5, "done"), (3, "done"), (1, "done")]
        for task in (1, 3, 5):
            story = await store.journal.story(task)
            assert story is not None
            assert (story.payload, story.result) == (f"p{task}", f"result {task}")
        assert await counts(store) == {"g": {"done": 3}}

    run(body)


def test_nothing_goes_that_is_not_over_or_not_old_enough(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 2), submitted(3), submitted(4, due=900.0), submitted(5))
        await store.write(lease_of(1, 3), done(1), closed(3, at=500.0), withdrawn(5, at=600.0))
        assert total(await purged(store, before=204.0)) <= 1  # 1 was submitted with 2
        assert await store.states(ids=(2, 4)) == [(4, "delayed"), (2, "queued")]
        assert total(await purged(store, "dead", before=500.0)) == 0
        assert total(await purged(store, "dead", before=500.1)) == 1
        assert total(await purged(store, before=600.0)) == 0
        assert total(await purged(store, before=600.1)) == 1
        page = await store.journal.page("g", 0, 0, 9)
        assert [task.id for task in page.tasks] == [2]

    run(body)


def test_only_some_groups(run: Run) -> None:
    async def body(store: Store) -> None:
        for first, group in ((1, "a"), (3, "b"), (5, "c")):
            await store.write(submitted(first, 2, group=group))
            await store.write(*(withdrawn(task, group=group) for task in (first, first + 1)))
        assert total(await purged(store, groups=("a", "c"))) == 4
        assert await store.states() == [(4, "cancelled"), (3, "cancelled")]
        assert await counts(store) == {"b": {"cancelled": 2}}

    run(body)


def test_a_dry_run_says_what_would_go_and_changes_nothing(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 4), lease_of(1, 2), done(1), closed(2), Delivered([1]))
        await store.write(withdrawn(3), withdrawn(4))
        before = await store.states()
        would = await purged(store, dry=True)
        assert await store.states() == before
        assert untimed(await purged(store)) == untimed(would)

    run(body)


def test_slices_end_and_go_on(run: Run) -> None:
    async def body(store: Store) -> None:
        for first in range(1, 101):
            await store.write(submitted(first))
            await store.write(withdrawn(first, at=200.0 + first // 10))
        slices = await purged(store, limit=7)
        assert total(slices) == 100
        assert max(part.count for part in slices) == 7
        assert await store.states() == []

    run(body)


def test_a_key_is_forgotten_with_its_task(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, key="k"), submitted(2, key="l"))
        await store.write(lease_of(1), done(1), Delivered([1]))
        await purged(store)
        assert await store.journal.find_key("g", "k") is None
        assert await store.journal.find_key("g", "l") == (2, "p2", "queued")
        await store.write(submitted(3, key="k"))
        assert await store.journal.find_key("g", "k") == (3, "p3", "queued")

    run(body)


def test_ids_are_never_used_again(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 9), *(withdrawn(task) for task in range(1, 10)))
        await purged(store)
        assert (await store.reopen()).next_id == 10

    run(body)


def test_what_was_revived_before_stays(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1), lease_of(1), closed(1), Delivered([1]))
        store.journal.write([Revived(id=1, group="g", at=300.0, was="dead")])
        slice_ = await store.journal.purge(Purge(what="dead", before=LATE))
        assert slice_.count == 0
        assert await store.states() == [(1, "delayed")]

    run(body)


def test_what_is_asked_for_later_sees_it(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1), withdrawn(1))
        slice_ = store.journal.purge(Purge(what="tasks", before=LATE))
        assert await store.journal.find([1]) == ()
        assert (await slice_).count == 1

    run(body)


def test_tasks_can_go_on_beside_those_that_went(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 8), lease_of(1, 2, 3, 4, 5, 6), done(2, 4, 6))
        await store.write(submitted(9, 2))
        await store.write(withdrawn(10), withdrawn(9))
        await purged(store)  # perhaps 9 and 10, perhaps 2, 4 and 6 with them
        await store.write(done(1, 3, 5), Delivered([1]), lease_of(7, 8, send=2))
        await store.write(done(7, 8), Delivered([2]))
        await purged(store)
        assert await store.states() == []
        assert await counts(store) == {}

    run(body)


def spooled(task: int, name: str) -> Done:
    return Done("g", "g-1", "r1", 203.0, [(task, 1, 200.0, 201.0, None, f"/s/payloads/g-1/{name}")])


def test_the_files_of_what_went_are_told(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(submitted(1, 3), lease_of(1, 2, 3))
        await store.write(spooled(1, "one"), done(2), spooled(3, "three"), Delivered([1]))
        names = [f"/s/payloads/g-1/{name}" for name in ("one", "two", "three")]
        assert await store.journal.named_files(names) == {names[0], names[2]}
        slices = await purged(store)
        assert {file for part in slices for file in part.files} == {names[0], names[2]}
        assert await store.journal.named_files(names) == frozenset()

    run(body)


def test_the_oldest_lease(run: Run) -> None:
    async def body(store: Store) -> None:
        assert await store.journal.oldest_lease() is None
        await store.write(submitted(1, 3), lease_of(1))
        assert await store.journal.oldest_lease() == 200.0
        await store.write(done(1), Delivered([1]))
        assert await store.journal.oldest_lease() is None

    run(body)


def event(seq: int) -> EventNoted:
    return EventNoted(
        seq=seq, at=100.0 + seq, first=100.0, count=1, level="info", name="ready", worker="a-1", group="a",
        reason="", fields="{}",
    )  # fmt: skip


def test_old_events_go(run: Run) -> None:
    async def body(store: Store) -> None:
        from tmaxd.ports import EventFilter

        await store.write(*(event(seq) for seq in range(1, 31)))
        assert total(await purged(store, "events", before=121.0, limit=4, dry=True)) == 20
        slices = await purged(store, "events", before=121.0, limit=4)
        assert total(slices) == 20
        left = await store.journal.events(EventFilter())
        assert [row.seq for row in left] == list(range(21, 31))
        assert (await store.reopen()).next_event == 31

    run(body)
