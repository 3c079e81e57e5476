"""The log as durable events: numbers, repeats, bounds, and those who wait for the next one."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Sequence

from tmaxd.daemon.events import CLEAN_EVERY, FOLD_FOR, KEPT, KINDS, LONGEST, Events
from tmaxd.daemon.log import EventLog
from tmaxd.tasks.records import EventNoted, EventsForgotten, Record
from tmaxd.testing.clock import FakeClock


class Room:
    """Events, and what they put on disk."""

    def __init__(self, first: int = 1) -> None:
        self.clock = FakeClock()
        self.records: list[Record] = []
        self.batches = 0
        self.events = Events(first, self.clock, self._write)
        self.log = EventLog(self.clock, io.StringIO())
        self.log.tell = self.events.take

    def _write(self, records: Sequence[Record]) -> None:
        self.batches += 1
        self.records += records

    def noted(self) -> list[EventNoted]:
        self.events.flush()
        return [record for record in self.records if isinstance(record, EventNoted)]


def test_a_line_of_the_log_is_an_event() -> None:
    room = Room(first=17)
    room.log.warning("ended", worker="check-pool-2", reason="crashed", status=3, signal=None)
    (event,) = room.noted()
    assert (event.seq, event.level, event.name) == (17, "warning", "ended")
    assert (event.worker, event.group, event.reason) == ("check-pool-2", "check-pool", "crashed")
    assert json.loads(event.fields) == {"status": 3}
    assert (event.at, event.first, event.count, event.replaces) == (event.at, event.at, 1, None)
    assert room.events.last == 17


def test_an_event_of_the_fleet_has_no_worker() -> None:
    room = Room()
    room.log.info("spec_applied", revision=4, changed=("workers.a",))
    room.log.info("rolled_back", group="check", reason="unhealthy")
    fleet, group = room.noted()
    assert (fleet.worker, fleet.group) == ("", "")
    assert json.loads(fleet.fields) == {"revision": 4, "changed": ["workers.a"]}
    assert (group.worker, group.group) == ("", "check")


def test_a_repeat_replaces_what_it_repeats() -> None:
    room = Room()
    for _ in range(3):
        room.log.warning("ended", worker="a-1", reason="crashed", status=1)
        room.log.info("ended", worker="a-2", reason="crashed")
        room.clock.advance(10)
    last = [e for e in room.noted() if e.worker == "a-1"][-1]
    assert (last.seq, last.count, last.replaces) == (5, 3, 3)
    assert last.at - last.first == 20
    assert [e.seq for e in room.noted()] == [1, 2, 3, 4, 5, 6]


def test_another_reason_is_another_event() -> None:
    room = Room()
    room.log.info("ended", worker="a-1", reason="crashed")
    room.log.info("ended", worker="a-1", reason="scaled_down")
    assert [e.count for e in room.noted()] == [1, 1]


def test_a_repeat_after_a_long_time_is_an_event_of_its_own() -> None:
    room = Room()
    for _ in range(3):
        room.log.info("ended", worker="a-1", reason="crashed")
        room.clock.advance(FOLD_FOR / 2)
    assert [(e.count, e.replaces) for e in room.noted()] == [(1, None), (2, 1), (1, None)]


def test_a_clock_that_was_set_back_folds_nothing() -> None:
    room = Room()
    room.log.info("ended", worker="a-1", reason="crashed")
    room.clock.jump_wall(-3600)
    room.log.info("ended", worker="a-1", reason="crashed")
    assert [e.count for e in room.noted()] == [1, 1]


def test_moments_of_the_fleet_are_never_folded() -> None:
    room = Room()
    for _ in range(2):
        room.log.info("spec_applied", revision=1)
    assert [e.replaces for e in room.noted()] == [None, None]


def test_old_events_are_forgotten_now_and_then() -> None:
    room = Room()
    for n in range(CLEAN_EVERY + 1):
        room.log.info("started", worker=f"a-{n}")
    room.events.flush()
    (forgotten,) = [r for r in room.records if isinstance(r, EventsForgotten)]
    assert forgotten.up_to == room.events.last - KEPT
    assert forgotten.before < room.clock.wall() - 86_400


def test_memory_for_repeats_is_bounded() -> None:
    room = Room()
    room.log.info("started", worker="first-1")
    for n in range(KINDS):
        room.log.info("started", worker=f"a-{n + 1}")
    room.log.info("started", worker="first-1")
    assert room.noted()[-1].count == 1


def test_a_long_text_is_cut() -> None:
    room = Room()
    room.log.error("trouble", text="x" * (LONGEST * 2))
    assert len(json.loads(room.noted()[0].fields)["text"]) == LONGEST + 1


def test_what_comes_in_one_turn_of_the_loop_is_one_write() -> None:
    async def body() -> None:
        room = Room()
        for n in range(100):
            room.log.info("started", worker=f"a-{n}")
        await asyncio.sleep(0)
        assert (room.batches, len(room.records)) == (1, 100)

    asyncio.run(body())


def test_who_waits_for_a_later_event_is_woken_by_it() -> None:
    async def body() -> None:
        room = Room()
        room.log.info("first")
        async with asyncio.timeout(5):
            await room.events.later_than(0)
            waiting = asyncio.create_task(room.events.later_than(2))
            await asyncio.sleep(0)
            room.log.info("second")
            await asyncio.sleep(0)
            assert not waiting.done()
            room.log.info("third")
            await waiting

    asyncio.run(body())
