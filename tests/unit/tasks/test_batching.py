"""Tasks in one frame and one write, or each by itself: as the policy says, live, and whatever the worker takes."""

from __future__ import annotations

import pytest

from tests.unit.tasks.driver import Driver, frames_of, named
from tmaxd.tasks import events as ev
from tmaxd.tasks.frames import Form, HeartbeatFrame
from tmaxd.tasks.lives import REMIND
from tmaxd.tasks.policy import GroupPolicy
from tmaxd.tasks.shared import BLANK, RECORD

ON, OFF = GroupPolicy(), GroupPolicy(batching=False)
LONG = "x" * 5000


def driver(policy: GroupPolicy, form: Form = "json") -> Driver:
    d = Driver(g=policy)
    d.ready("g-1", window=4, form=form, batch=form == "json")
    return d


def writes(d: Driver) -> list[bytes]:
    return [send.data for send in d.of(ev.Send)]


def test_on_they_go_together() -> None:
    d = driver(ON)
    d.submit("g", "a", "b", "c")
    (write,) = writes(d)
    assert [frame["t"] for frame in frames_of(write)] == ["tasks"]


def test_off_each_is_a_frame_and_a_write() -> None:
    d = driver(OFF)
    d.submit("g", "a", "b", "c")
    assert [[named(f) for f in frames_of(write)] for write in writes(d)] == [
        [[(task, 1)]] for task in (1, 2, 3)
    ]
    assert all(frame["t"] == "task" for write in writes(d) for frame in frames_of(write))
    assert len(d.records) == 2, "what is written to disk is as it was: the tasks, and who has them"


def test_off_those_who_take_no_batches_get_a_write_each_too() -> None:
    d = driver(ON, "tsv")
    d.submit("g", "a", "b")
    assert [write.count(b"\n") for write in writes(d)] == [2]
    d = driver(OFF, "tsv")
    d.submit("g", "a", "b")
    assert [write.count(b"\n") for write in writes(d)] == [1, 1]


def test_it_changes_live_and_back() -> None:
    d = driver(ON)
    d.tell(ev.Groups({"g": OFF}))
    d.submit("g", "a", "b")
    assert len(writes(d)) == 2
    d.tell(ev.Groups({"g": ON}))
    d.submit("g", "c", "d")
    assert len(writes(d)) == 1


def test_off_a_long_one_goes_by_file_in_its_turn() -> None:
    d = driver(OFF)
    d.submit("g", "a", LONG, "c")
    assert [len(frames_of(write)) for write in writes(d)] == [1, 1, 1]
    order = [type(effect) for effect in d.effects if isinstance(effect, ev.Spool | ev.Send)]
    assert order.index(ev.Spool) < order.index(ev.Send), "the file is there before its frame is"


def test_off_what_is_sent_again_ends_a_torn_line_once() -> None:
    d = driver(OFF)
    d.submit("g", "a", "b")
    d.now += REMIND
    d.says("g-1", HeartbeatFrame())
    again = writes(d)
    assert [write[:1] for write in again] == [b"\n", b"{"]
    assert [pair for write in again for f in frames_of(write) for pair in named(f)] == [
        (1, 1),
        (2, 1),
    ]


@pytest.mark.parametrize(("policy", "count"), [(ON, 1), (OFF, 3)])
def test_records_of_a_shared_fifo(policy: GroupPolicy, count: int) -> None:
    d = Driver(g=GroupPolicy(shared=True, batching=policy.batching))
    d.tell(ev.Ready("g-1", "g", "run-g-1", 4, "json", 0, True, shared=True))
    d.submit("g", "a", "b", "c")
    found = [send.data for send in d.of(ev.SendShared)]
    assert len(found) == count
    assert [len(data) % RECORD for data in found] == [0] * count
    assert len(frames_of(b"".join(found))) == 3
    assert BLANK not in found
