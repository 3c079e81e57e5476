"""What the operator asked: which order holds, what outlives the daemon, and when the file overrules it."""

from __future__ import annotations

import pytest

from tmaxd.daemon.intents import Intents, Target
from tmaxd.plan.observed import Intent
from tmaxd.tasks.records import Kept

GROUP, ONE, TWO = Target("group", "a"), Target("worker", "a-1"), Target("worker", "a-2")
WORKERS = ("a-1", "a-2", "b-1")
RUNS = {"a-1": "r1", "a-2": "r2", "b-1": "r3"}
COUNTS = {"a": 2, "b": 1}


class Room:
    def __init__(self, kept: dict[str, str] | None = None) -> None:
        self.kept = kept or {}
        self.changes = 0
        self.intents = Intents(self.kept, self._write, self._changed)

    def _write(self, record: Kept) -> None:
        if record.text is None:
            self.kept.pop(record.name, None)
        else:
            self.kept[record.name] = record.text

    def _changed(self) -> None:
        self.changes += 1

    def of(self, worker: str) -> Intent:
        return self.intents.by_worker(WORKERS).get(worker, Intent())

    def after_a_restart(self) -> Room:
        return Room(dict(self.kept))

    def stop(self, target: Target, drain: bool = False, force: bool = False) -> None:
        self.intents.stop(target, 2, 100.0, drain=drain, force=force)

    def start(self, target: Target) -> None:
        self.intents.start(target, 2, 100.0, {})

    def restart(self, target: Target, *workers: str, force: bool = False) -> None:
        runs = {worker: RUNS[worker] for worker in workers}
        self.intents.restart(target, 2, 100.0, runs, force=force)


def test_nothing_was_asked() -> None:
    room = Room()
    assert room.intents.by_worker(WORKERS) == {}
    assert room.intents.count("a", 2) == 2


@pytest.mark.parametrize("again", [False, True])
def test_a_stop_of_a_group_holds_for_its_workers_and_outlives_the_daemon(again: bool) -> None:
    room = Room()
    room.stop(GROUP)
    room = room.after_a_restart() if again else room
    assert room.of("a-1") == room.of("a-2") == Intent(stopped=True)
    assert room.of("b-1") == Intent()


def test_a_worker_may_be_started_in_a_stopped_group() -> None:
    room = Room()
    room.stop(GROUP, drain=True)
    room.start(ONE)
    assert room.of("a-1") == Intent()
    assert room.of("a-2") == Intent(stopped=True, drain=True)


def test_a_stop_of_one_worker_ends_its_restart_with_the_group_and_is_not_forced_by_that() -> None:
    room = Room()
    room.restart(GROUP, "a-1", "a-2", force=True)
    room.stop(TWO)
    assert room.of("a-1") == Intent(restart="r1", force=True)
    assert room.of("a-2") == Intent(stopped=True)


def test_the_later_order_to_the_group_wins_over_those_to_its_workers() -> None:
    room = Room()
    room.stop(ONE)
    room.start(GROUP)
    assert room.of("a-1") == Intent()
    assert room.kept == {}
    room.stop(GROUP)
    room.start(ONE)
    room.stop(GROUP, force=True)
    assert room.of("a-1") == Intent(stopped=True, force=True)


def test_an_order_to_the_group_leaves_orders_of_another_kind() -> None:
    room = Room()
    room.intents.pin(ONE, 2, 1.0, on=True)
    room.stop(GROUP)
    assert room.of("a-1") == Intent(stopped=True, pinned=True)
    room.start(GROUP)
    assert room.of("a-1") == Intent(pinned=True)


def test_pause_and_pin_come_and_go() -> None:
    room = Room()
    room.intents.pause(GROUP, 2, 1.0, on=True)
    room.intents.pause(TWO, 2, 1.0, on=False)
    assert (room.of("a-1").paused, room.of("a-2").paused) == (True, False)
    room.intents.pause(GROUP, 2, 1.0, on=False)
    assert room.kept == {}


def test_a_restart_is_over_when_its_runs_are() -> None:
    room = Room()
    room.restart(GROUP, "a-1", "a-2", force=True)
    assert room.of("a-1") == Intent(restart="r1", force=True)
    assert room.of("a-2") == Intent(restart="r2", force=True)
    room.intents.forget_runs({"a-1": "new", "a-2": "r2"})
    assert room.after_a_restart().of("a-1") == Intent()
    assert room.of("a-2") == Intent(restart="r2", force=True)
    room.intents.forget_runs({"a-1": "new"})
    assert room.of("a-2").restart == "r2", "it has ended, and the new one has not begun"
    room.intents.forget_runs({"a-1": "new", "a-2": "newer"})
    assert room.kept == {}


def test_a_restart_starts_what_was_stopped_and_a_stop_ends_a_restart() -> None:
    room = Room()
    room.stop(ONE)
    room.restart(ONE, "a-1")
    assert room.of("a-1") == Intent(restart="r1")
    room.stop(ONE)
    assert room.of("a-1") == Intent(stopped=True)
    room.restart(GROUP, "a-1", "a-2", force=True)
    room.stop(TWO)
    assert room.of("a-2").stopped


def test_what_is_started_is_told_from_what_is_restarted() -> None:
    room = Room()
    room.intents.start(ONE, 2, 1.0, {"a-1": "r1"})
    assert room.of("a-1") == Intent(restart="r1", start=True)
    assert room.after_a_restart().of("a-1") == Intent(restart="r1", start=True)
    room.restart(GROUP, "a-1", "a-2")
    assert room.of("a-1") == Intent(restart="r1")
    room.intents.start(ONE, 2, 1.0, {"a-1": "r1"})
    room.intents.forget_runs({"a-1": "new", "a-2": "new"})
    assert room.of("a-1") == Intent()
    assert room.kept == {}


def test_a_group_is_scaled_until_the_file_says_another_count() -> None:
    room = Room()
    room.intents.scale("a", 5, 2, 1.0)
    assert room.after_a_restart().intents.count("a", 2) == 5
    assert room.intents.file_says(COUNTS) == ()
    assert room.intents.count("a", 2) == 5
    assert room.intents.file_says({"a": 3, "b": 1}) == ("a",)
    assert room.intents.count("a", 3) == 3
    assert room.kept == {}


def test_scaling_to_what_the_file_says_is_no_scaling() -> None:
    room = Room()
    room.intents.scale("a", 5, 2, 1.0)
    room.intents.scale("a", 2, 2, 1.0)
    assert room.kept == {}


def test_an_edited_count_ends_stops_but_not_pins() -> None:
    room = Room()
    room.stop(GROUP)
    room.stop(TWO)
    room.intents.pin(ONE, 2, 1.0, on=True)
    assert room.intents.file_says({"a": 1, "b": 1}) == ("a", "a-2")
    assert room.of("a-1") == Intent(pinned=True)
    assert room.of("a-2") == Intent()
    assert room.intents.file_says({"a": 1, "b": 1}) == ()


def test_a_group_that_leaves_the_file_takes_its_orders_along() -> None:
    room = Room()
    room.stop(ONE)
    room.intents.pause(GROUP, 2, 1.0, on=True)
    assert room.intents.file_says({"b": 1}) == ("a", "a-1")
    assert room.kept == {}


def test_a_group_that_is_named_like_a_worker() -> None:
    room = Room()
    room.stop(Target("group", "a-1"))
    found = room.intents.by_worker(["a-1", "a-1-1"])
    assert found == {"a-1-1": Intent(stopped=True)}
    assert room.after_a_restart().intents.by_worker(["a-1", "a-1-1"]) == found


def test_each_change_is_told() -> None:
    room = Room()
    room.stop(GROUP)
    room.start(GROUP)
    assert room.changes == 2
    room.start(GROUP)
    assert room.changes == 2
