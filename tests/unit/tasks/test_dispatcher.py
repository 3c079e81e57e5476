"""The dispatcher, one rule at a time: what is taken in, what is handed out, and how attempts end."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.tasks.driver import Driver, done, failed, frames_of, started
from tmaxd.tasks import events as ev
from tmaxd.tasks.door import MAX_PAYLOAD
from tmaxd.tasks.frames import HeartbeatFrame
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.records import Delivered, Done

ONE = GroupPolicy()


def test_a_task_from_submit_to_done() -> None:
    d = Driver(g=GroupPolicy(timeout=30.0))
    d.ready("g-1")
    d.submit("g", "hello")
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 1)]
    (send,) = d.of(ev.Send)
    assert (send.worker, send.run) == ("g-1", "run-g-1")
    assert frames_of(send.data) == [
        {"t": "task", "id": 1, "attempt": 1, "payload": "hello", "timeout": 30.0}
    ]
    d.now += 2
    d.says("g-1", started(1))
    d.now += 3
    d.says("g-1", done(1))
    assert d.records == [
        Done("g", "g-1", "run-g-1", 1005.0, [(1, 1, 1000.0, 1002.0, "fine", None)]),
        Delivered([1]),
    ]
    assert d.of(ev.Ended) == [ev.Ended([(1, "done")])]


def test_ids_of_a_submit_follow_each_other_across_groups() -> None:
    d = Driver(g=ONE, h=ONE)
    d.tell(ev.Submit(1, ("g",), ("a", "b")), ev.Submit(2, ("h",), ("c",)), ev.Submit(3, ("g",), ()))
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 2), ev.Accepted(2, 3, 1), ev.Accepted(3, 4, 0)]


@pytest.mark.parametrize(
    ("group", "payload", "reason", "words"),
    [
        ("nobody", "x", "unknown_group", "no group 'nobody' takes tasks"),
        (
            "g",
            "x" * (MAX_PAYLOAD + 1),
            "payload_too_large",
            "1,048,577 bytes; the limit is 1,048,576 (put",
        ),
        ("g", "a\0b", "bad_payload", "NUL"),
        ("g", "\ud800", "bad_payload", "surrogates not allowed"),
    ],
)
def test_refusals_take_nothing(group: str, payload: str, reason: str, words: str) -> None:
    d = Driver(g=ONE)
    d.submit(group, "good", payload)
    (denied,) = d.of(ev.Denied)
    assert denied.reason == reason
    assert words in denied.message
    assert d.records == []
    d.submit("g", "good", "x" * MAX_PAYLOAD)
    assert d.of(ev.Accepted) == [ev.Accepted(1, 1, 2)]


# -------------------------------------------------------------------------------- handing out


def test_the_least_loaded_worker_gets_the_next_task_and_equals_take_turns() -> None:
    d = Driver(g=ONE)
    for worker in ("g-1", "g-2", "g-3"):
        d.ready(worker, window=4)
    for expected in ("g-1", "g-2", "g-3"):
        d.submit("g", "x")
        assert list(d.sent()) == [expected]
    d.says("g-2", done(2))
    d.submit("g", "x")
    assert list(d.sent()) == ["g-2"]
    d.submit("g", *"xxxxx")
    assert d.sent() == {
        "g-1": [(5, 1), (8, 1)],
        "g-3": [(6, 1), (9, 1)],
        "g-2": [(7, 1)],
    }


def test_equal_workers_get_equally_much() -> None:
    d = Driver(g=ONE)
    for number in range(1, 6):
        d.ready(f"g-{number}", window=1)
    given = dict.fromkeys((f"g-{number}" for number in range(1, 6)), 0)
    for task in range(1, 101):
        d.submit("g", "x")
        ((worker, _),) = d.sent().items()
        given[worker] += 1
        d.says(worker, done(task))
    assert set(given.values()) == {20}


@pytest.mark.parametrize(
    ("policy", "asked", "expected"), [(None, 3, 3), (2, 3, 2), (5, 3, 3), (None, 5000, 1024)]
)
def test_the_window(policy: int | None, asked: int, expected: int) -> None:
    d = Driver(g=GroupPolicy(window=policy))
    d.ready("g-1", window=asked)
    assert d.dispatcher.view(d.now).workers["run-g-1"].window == expected
    d.submit("g", *["x"] * 7)
    assert len(d.sent()["g-1"]) == min(expected, 7)


def test_a_new_policy_holds_from_the_next_task_on() -> None:
    d = Driver(g=GroupPolicy(window=1))
    d.ready("g-1", window=9)
    d.submit("g", *"abc")
    assert d.sent() == {"g-1": [(1, 1)]}
    d.tell(ev.Groups({"g": GroupPolicy(window=2, timeout=5.0)}))
    assert d.sent() == {"g-1": [(2, 1)]}
    assert frames_of(d.of(ev.Send)[0].data)[0]["timeout"] == 5.0


def test_a_held_worker_gets_nothing_until_released() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.tell(ev.Hold("g-1", True))
    d.submit("g", "x")
    assert d.sent() == {}
    assert [load.held for load in d.dispatcher.loads(d.now)] == [True]
    d.tell(ev.Hold("g-1", False))
    assert d.sent() == {"g-1": [(1, 1)]}


def test_a_hold_ends_with_its_run_and_can_come_before_it() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.tell(ev.Hold("g-1", True))
    d.dies("g-1")
    d.ready("g-1", run="second")
    d.submit("g", "x")
    assert d.sent() == {"g-1": [(1, 1)]}
    d.tell(ev.Hold("g-2", True))
    d.ready("g-2")
    d.submit("g", "x")
    assert d.sent() == {}


def test_drained_says_when_a_held_worker_is_empty() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "x")
    assert not d.dispatcher.drained()
    d.tell(ev.Hold("g-1", True))
    assert not d.dispatcher.drained()
    d.says("g-1", done(1))
    assert d.dispatcher.drained()


def test_a_group_that_goes_keeps_its_tasks_until_it_returns() -> None:
    d = Driver(g=GroupPolicy(attempts=2, backoff_first=0.0))
    d.ready("g-1")
    d.submit("g", "a", "b")
    d.tell(ev.Groups({}))
    d.says("g-1", failed(1))
    assert d.ends() == [(1, "failed", None)]
    assert d.sent() == {}
    d.submit("g", "c")
    assert [denied.reason for denied in d.of(ev.Denied)] == ["unknown_group"]
    d.tell(ev.Groups({"g": ONE}))
    assert d.sent() == {"g-1": [(1, 2)]}


def test_a_long_payload_goes_by_file() -> None:
    d = Driver(g=ONE)
    d.ready("g-1", window=2)
    d.submit("g", "x" * 5000, "\x01" * 1000)
    first, second, send = d.effects[1:]
    assert first == ev.Spool(1, "/spool/1.payload", "x" * 5000)
    assert second == ev.Spool(2, "/spool/2.payload", "\x01" * 1000)
    assert isinstance(send, ev.Send)
    assert [f["payload_file"] for f in frames_of(send.data)] == [
        "/spool/1.payload",
        "/spool/2.payload",
    ]
    d.says("g-1", done(1))
    assert d.of(ev.Unspool) == [ev.Unspool(1, "/spool/1.payload")]


def test_a_long_payload_that_comes_back_is_read_from_disk_at_once() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "x" * 5000)
    d.dies("g-1", unread=b'{"t":"task","id":1,"attempt":1,"payload_file":"/spool/1.payload"}\n')
    assert d.ends() == [(1, "unsent", d.now)]
    d.ready("g-1", run="second")
    d.answer()
    assert d.of(ev.Spool) == [ev.Spool(1, "/spool/1.payload", "x" * 5000)]
    assert d.sent() == {"g-1": [(1, 1)]}


# ------------------------------------------------------------------------- how attempts end


@pytest.mark.parametrize(
    ("fields", "outcome", "tries"),
    [
        ({}, "failed", 2),
        ({"outcome": "timeout"}, "timeout", 2),
        ({"outcome": "temporary"}, "temporary", 3),
        ({"retry": True}, "temporary", 3),
    ],
)
def test_a_failing_task_is_tried_again_and_then_dead(
    fields: dict[str, Any], outcome: str, tries: int
) -> None:
    d = Driver(g=GroupPolicy(attempts=2, backoff_first=10.0))
    d.ready("g-1")
    d.submit("g", "x")
    for attempt in range(1, tries):
        d.says("g-1", failed(1, attempt, **fields))
        ((task, how, due),) = d.ends()
        assert (task, how) == (1, outcome)
        assert due is not None
        assert d.wake_at == due
        assert 10.0 <= due - d.now <= 22.0
        d.now = due
        d.tell(ev.Tick())
        d.answer()
        assert d.sent() == {"g-1": [(1, attempt + 1)]}
    d.says("g-1", failed(1, tries, **fields))
    assert (d.ends(), d.state(1)) == ([(1, outcome, None)], "dead")
    assert d.of(ev.Ended) == [ev.Ended([(1, "dead")])]
    assert d.disk.entries[1].row.error == "broke"


@pytest.mark.parametrize(
    "stray",
    [done(1, 2), done(2), started(9), failed(1, 7)],
    ids=["attempt", "not given", "unknown", "failed"],
)
def test_what_a_worker_does_not_hold_changes_nothing(stray: Any) -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "x", "y")
    d.says("g-1", stray)
    assert d.records == []
    assert d.dispatcher.view(d.now).workers["run-g-1"].strays == 1


def test_a_result_twice_and_results_of_others_are_strays() -> None:
    d = Driver(g=ONE)
    d.ready("g-1")
    d.submit("g", "x")
    d.says("g-1", done(1), done(1))
    assert len(d.written(Done)) == 1
    d.says("g-2", done(1))
    d.says("g-1", done(1), run="another")
    view = d.dispatcher.view(d.now)
    assert (view.workers["run-g-1"].strays, view.strays) == (1, 2)


def test_a_task_that_its_worker_would_not_end_has_timed_out_and_the_others_are_lost() -> None:
    d = Driver(g=GroupPolicy(timeout=10.0))
    d.ready("g-1", window=4)
    d.submit("g", *"ab")
    d.says("g-1", started(1), started(2))
    d.now += 5
    d.says("g-1", HeartbeatFrame())
    d.now += 21
    d.tell(ev.Gone("g-1", "run-g-1", b""))
    assert d.ends() == [(1, "timeout", None), (2, "lost", None)]


def test_a_stop_that_no_task_is_to_blame_for_spends_no_attempt() -> None:
    d = Driver(g=GroupPolicy())
    d.ready("g-1", window=4)
    d.submit("g", "a")
    for _ in range(5):
        d.says("g-1", started(1))
        d.tell(ev.Gone("g-1", "run-g-1", b"", excused=True))
        d.ready("g-1", window=4)
    d.says("g-1", started(1), done(1))
    assert [end for end in d.ends() if end[1] != "interrupted"] == [(1, "done", None)]
