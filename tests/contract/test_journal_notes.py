"""Events, small things and revisions: what was noted is found again, by every journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.contract.journal_worlds import Run, Store, runner
from tmaxd.ports import EventFilter
from tmaxd.tasks.records import EventNoted, EventsForgotten, Kept, RevisionApplied


@pytest.fixture(params=["fake", "sqlite"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    return runner(request.param, tmp_path)


def noted(seq: int, name: str = "crashed", **changes: Any) -> EventNoted:
    fields = {
        "seq": seq, "at": 100.0 + seq, "first": 100.0 + seq, "count": 1, "level": "info", "name": name,
        "worker": "g-1", "group": "g", "reason": "crashed", "fields": "{}", **changes,
    }  # fmt: skip
    return EventNoted(**fields)


async def numbers(store: Store, **filters: Any) -> list[int]:
    return [event.seq for event in await store.journal.events(EventFilter(**filters))]


def test_events_come_in_the_order_of_their_numbers(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(noted(1), noted(2, worker="g-2"), noted(3, name="started"))
        await store.write(noted(4, worker="", group="h"))
        assert await numbers(store) == [1, 2, 3, 4]
        assert await numbers(store, since=2) == [3, 4]
        assert await numbers(store, limit=2) == [1, 2]
        assert await numbers(store, limit=2, last=True) == [3, 4]
        assert await numbers(store, worker="g-1") == [1, 3]
        assert await numbers(store, group="h") == [4]
        assert await numbers(store, names=("started", "other")) == [3]

    run(body)


def test_an_event_is_read_as_it_was_written(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(noted(7, count=3, first=50.0, level="warning", fields='{"pid": 1}'))
        (event,) = await store.journal.events(EventFilter())
        assert (event.seq, event.at, event.first, event.count) == (7, 107.0, 50.0, 3)
        assert (event.level, event.name, event.reason) == ("warning", "crashed", "crashed")
        assert (event.worker, event.group, event.fields) == ("g-1", "g", '{"pid": 1}')

    run(body)


def test_a_repeat_takes_the_place_of_what_it_repeats(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(noted(1), noted(2), noted(3, count=2, first=101.0, replaces=1))
        assert await numbers(store) == [2, 3]

    run(body)


def test_old_events_are_forgotten_and_their_numbers_are_not_used_again(run: Run) -> None:
    async def body(store: Store) -> None:
        assert (await store.reopen()).next_event == 1
        await store.write(*(noted(seq) for seq in range(1, 7)))
        await store.write(EventsForgotten(2, 0.0))
        assert await numbers(store) == [3, 4, 5, 6]
        await store.write(EventsForgotten(0, 105.0))
        assert await numbers(store) == [5, 6]
        await store.write(EventsForgotten(6, 0.0))
        assert await numbers(store) == []
        assert (await store.reopen()).next_event == 7

    run(body)


def test_small_things_are_kept_replaced_and_forgotten(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(Kept("a", "1"), Kept("b", "2"), Kept("a", "3"))
        await store.write(Kept("b", None), Kept("never", None))
        assert (await store.reopen()).kept == {"a": "3"}

    run(body)


def test_revisions_are_listed_newest_first(run: Run) -> None:
    async def body(store: Store) -> None:
        await store.write(RevisionApplied(1, "d1", "one", 100.0))
        await store.write(RevisionApplied(2, "d2", "two", 200.0, "rollback to 1"))
        rows = await store.journal.revisions(10)
        assert [(r.number, r.digest, r.applied, r.cause) for r in rows] == [
            (2, "d2", 200.0, "rollback to 1"),
            (1, "d1", 100.0, ""),
        ]
        assert len(await store.journal.revisions(1)) == 1
        found = await store.journal.revision(1)
        assert found is not None
        assert (found.text, found.cause) == ("one", "")
        assert await store.journal.revision(3) is None
        last = (await store.reopen()).revision
        assert last is not None
        assert (last.number, last.cause) == (2, "rollback to 1")

    run(body)
