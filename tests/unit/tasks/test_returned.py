"""Tasks that a living worker gives back, and windows that change while it lives."""

from __future__ import annotations

import pytest

from tests.unit.tasks.driver import Driver, begun, cancel, counts, done, failed, named, started
from tests.unit.tasks.driver import frames_of as sent_frames
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import Frame, HeartbeatFrame, ProgressFrame, ReturnedFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Assigned, Delivered, Requeued

ONE = GroupPolicy()


def returned(*ids: int, attempt: int = 1) -> ReturnedFrame:
    return ReturnedFrame([(task, attempt) for task in ids])


def beat(window: int | None = None) -> HeartbeatFrame:
    return HeartbeatFrame(1, window)


def full() -> Driver:
    """Worker g-1 runs task 1, and holds 2 to 4 behind it; 5 and 6 wait."""
    d = Driver(g=ONE)
    d.ready("g-1", window=4)
    d.submit("g", *"abcdef")
    d.says("g-1", started(1))
    return d


def strays(d: Driver) -> int:
    return sum(worker.strays for worker in d.dispatcher.view(d.now).workers.values())


# ------------------------------------------------------------------------------------ given back


def test_what_a_worker_gives_back_goes_to_another_before_all_others() -> None:
    d = full()
    d.says("g-1", beat(1), returned(2, 3, 4))
    assert d.ends() == [(2, "returned", None), (3, "returned", None), (4, "returned", None)]
    assert (d.sent(), counts(d)) == ({}, (5, 0, 1, 0, 0, 0))
    d.ready("g-2", window=4)
    assert d.sent() == {"g-2": [(2, 2), (3, 2), (4, 2), (5, 1)]}


def test_it_costs_the_task_no_attempt() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "a")
    for attempt in range(1, 9):
        d.says("g-1", returned(1, attempt=attempt))
        d.says("g-1", beat())
        assert d.sent() == {"g-1": [(1, attempt + 1)]}
    d.says("g-1", failed(1, 9))
    assert (d.state(1), d.disk.entries[1].base) == ("dead", 8)


def test_nor_does_it_after_the_death_of_the_daemon() -> None:
    d = full()
    d.says("g-1", returned(2))
    new = Driver(d.disk, g=ONE)
    new.answer()
    new.ready("g-2", window=1)
    assert new.sent() == {"g-2": [(2, 2)]}
    new.says("g-2", failed(2, 2))
    assert new.state(2) == "dead"


def test_the_lease_is_void_at_once_and_forgotten_with_the_last_of_its_tasks() -> None:
    d = full()
    d.says("g-1", returned(2, 3))
    assert not d.written(Delivered)
    assert [lease.id for lease in d.disk.recover().leases] == [1, 4]
    d.says("g-1", returned(4), done(1))
    assert [record.sends for record in d.written(Delivered)] == [[1]]
    assert {lease.send for lease in d.disk.recover().leases} == {2}


@pytest.mark.parametrize(
    "noise", [returned(1), returned(7), returned(2, attempt=2), returned(-1), returned()]
)
def test_what_it_began_or_does_not_hold_it_cannot_give_back(noise: ReturnedFrame) -> None:
    d = full()
    d.says("g-1", noise)
    assert (d.records, d.sent(), strays(d)) == ([], {}, len(noise.tasks))
    d.says("g-1", returned(2), returned(2))
    assert d.ends() == [(2, "returned", None)]
    assert strays(d) == len(noise.tasks) + 1


def test_a_task_that_was_cancelled_meanwhile_is_cancelled() -> None:
    d = full()
    cancel(d, 2)
    d.says("g-1", returned(2, 3))
    assert d.ends() == [(2, "cancelled", None), (3, "returned", None)]
    assert d.state(2) == "cancelled"


def test_a_long_payload_comes_back_by_way_of_the_disk() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", "a", "x" * 5000)
    d.says("g-1", started(1), returned(2))
    assert d.ends() == [(2, "returned", d.now)]
    d.ready("g-2")
    d.answer()
    (send,) = d.of(ev.Send)
    (frame,) = sent_frames(send.data)
    assert (named(frame), frame["payload_file"]) == ([(2, 2)], "/spool/2.payload")


def test_a_task_given_back_after_it_was_sent_again_is_not_with_two() -> None:
    """The new daemon has sent it again, and then reads that it had been given back: the copy that is under way bears
    another number than what the next worker gets."""
    d = full()
    d.says("g-1", done(1))
    new = Driver(d.disk, g=ONE)
    new.tell(ev.Adopted("g-1", "g", "run-g-1", 4, "json"))
    assert (2, 1) in new.sent()["g-1"]
    new.says("g-1", returned(2))
    new.ready("g-2")
    assert new.sent() == {"g-2": [(2, 2)]}
    new.says("g-1", returned(2))
    assert (new.records, strays(new)) == ([], 1)
    new.says("g-2", done(2, 2))
    assert new.state(2) == "done"


def test_one_that_gives_back_all_it_gets_is_given_no_more_for_now() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", *"abc")
    d.says("g-1", returned(1, 2))
    assert (d.sent(), d.dispatcher.view(d.now).workers["run-g-1"].window) == ({}, 0)
    d.says("g-1", beat())
    assert d.sent() == {"g-1": [(1, 2), (2, 2)]}
    d.says("g-1", returned(2, attempt=2))
    d.says("g-1", done(1, 2))
    assert d.sent() == {"g-1": [(2, 3), (3, 1)]}
    d.says("g-1", returned(3), failed(2, 3))
    assert d.sent() == {"g-1": [(3, 2)]}


def test_what_was_given_back_was_not_done() -> None:
    d = full()
    d.says("g-1", returned(2, 3, 4))
    view = d.dispatcher.view(d.now)
    assert (view.groups["g"].done, view.workers["run-g-1"].done) == (0, 0)
    assert [record.outcome for record in d.written(Requeued)] == ["returned"] * 3
    assert d.disk.entries[2].attempts[0].started is None


# ------------------------------------------------------------------------------------ the window


def test_a_heartbeat_changes_the_window() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", *"abcdefgh")
    assert d.sent() == {"g-1": [(1, 1)]}
    d.says("g-1", beat(4))
    assert d.sent() == {"g-1": [(2, 1), (3, 1), (4, 1)]}
    d.says("g-1", beat(1), done(1), done(2), done(3))
    assert d.sent() == {}
    d.says("g-1", done(4))
    assert d.sent() == {"g-1": [(5, 1)]}


@pytest.mark.parametrize(("asked", "given"), [(2, 2), (5, 3), (4000, 3), (None, 1)])
def test_the_window_of_the_spec_is_not_exceeded(asked: int | None, given: int) -> None:
    d = Driver(g=GroupPolicy(window=3))
    d.ready("g-1")
    d.says("g-1", beat(asked))
    d.submit("g", *"abcdef")
    assert len(d.given) == given


def test_a_run_that_is_not_ready_gets_nothing_by_a_heartbeat() -> None:
    d = full()
    new = Driver(d.disk, g=ONE)
    new.says("g-1", beat(8))
    assert not new.written(Assigned)
    assert new.dispatcher.view(new.now).workers["run-g-1"].window == 0


# ------------------------------------------------------------------------------------ the clock


@pytest.mark.parametrize("again", [begun(2), started(2)])
def test_what_waited_behind_a_slow_one_begins_when_that_is_said_again(
    again: Frame,
) -> None:
    d = Driver(g=GroupPolicy(timeout=10.0))
    d.ready("g-1", window=2, batch=True)
    d.submit("g", "slow", "next")
    d.says("g-1", begun(1, 2))
    d.now += 9
    d.says("g-1", done(1), again)
    d.now += 17
    (load,) = d.dispatcher.loads(d.now)
    assert not load.overdue
    d.now += 9
    (load,) = d.dispatcher.loads(d.now)
    assert load.overdue
    d.says("g-1", done(2))
    assert d.disk.entries[2].row.started == 1009.0


def test_the_one_that_is_late_is_the_one_that_began_first() -> None:
    d = Driver(g=GroupPolicy(timeout=10.0))
    d.ready("g-1", window=3, batch=True)
    d.submit("g", *"abc")
    d.says("g-1", begun(1, 2, 3))
    d.now += 5
    d.says("g-1", begun(1))
    d.now += 21
    d.dies("g-1")
    assert sorted(d.ends())[1] == (2, "timeout", None)


def test_progress_does_not_restart_the_clock() -> None:
    d = Driver(g=GroupPolicy(timeout=10.0))
    d.ready("g-1")
    d.submit("g", "a")
    d.says("g-1", started(1))
    d.now += 20
    d.says("g-1", ProgressFrame(1, 1, 3))
    d.now += 6
    (load,) = d.dispatcher.loads(d.now)
    assert load.overdue
