"""Many tasks in a frame, and many results: the form that workers of ours ask for with `batch`."""

from __future__ import annotations

import json
import time

import pytest

from tests.worker.door import Door, runner
from tests.worker.programs import KINDS, start
from tmaxd.tasks.frames import DoneFrame, HeartbeatFrame, StartedFrame


@pytest.fixture(params=KINDS)
def ready(request: pytest.FixtureRequest, door: Door) -> Door:
    return start(door, str(request.param), 64)


def lines(door: Door, kind: str) -> list[dict[str, object]]:
    """The frames of this kind as they were written."""
    found = [json.loads(line) for line in door.raw.split(b"\n") if line.startswith(b"{")]
    return [frame for frame in found if frame["t"] == kind]


def test_asks_for_batches_in_ready_and_in_heartbeats(ready: Door) -> None:
    ready.write(b'{"t":"ping"}\n', "control")
    ready.wait(HeartbeatFrame)
    (said,) = lines(ready, "ready")
    assert said["batch"] is True
    assert all(frame["batch"] is True for frame in lines(ready, "heartbeat"))


def test_a_batch_is_done_like_single_tasks(ready: Door) -> None:
    payloads = {n: f"naïve \t\\ {n}\n" for n in range(1, 21)}
    ready.batch(payloads)
    for number, payload in payloads.items():
        assert ready.text(ready.outcome(number)) == payload
        assert ready.frames.count(StartedFrame(number, 1)) == 1
    assert not ready.bad()


def test_the_timeout_of_a_batch_is_each_tasks(ready: Door) -> None:
    ready.batch({1: "sleep 60", 2: "in time"}, timeout=0.2)
    assert getattr(ready.outcome(1), "outcome", None) == "timeout"
    assert ready.text(ready.outcome(2)) == "in time"


def test_a_batch_that_comes_again_is_answered_from_memory(ready: Door) -> None:
    payloads = {n: f"payload {n}" for n in range(1, 11)}
    ready.batch(payloads)
    ready.outcome(10)
    ready.batch(payloads)
    ready.until(lambda: all(len(ready.outcomes(n)) == 2 for n in payloads), "the results again")
    assert sum(isinstance(f, StartedFrame) for f in ready.frames) == 10


@pytest.mark.parametrize(
    "rows",
    [
        "null",
        "7",
        "{}",
        "[7]",
        "[[1,1]]",
        '[[1,1,"x",2]]',
        '[[2,1,"good"],["1",1,"x"]]',
        '[[1,1,"x"],[1,true,"x"]]',
        '[[1,1,null],[2,1,"good"]]',
        '[[1,1,"x"],[NaN,1,"x"]]',
        '[[1,1,"torn',
    ],
)
def test_a_batch_with_one_bad_task_is_no_frame(door: Door, rows: str) -> None:
    start(door, "sync")
    door.write(b'{"t":"tasks","tasks":%b}\n' % rows.encode())
    door.write(b'{"t":"tasks","tasks":[[3,1,"after it"]],"timeout":0}\n')
    door.write(b'{"t":"tasks","tasks":[]}\n\n')
    assert door.text(door.run(4, "still here")) == "still here"
    assert [f.id for f in door.frames if isinstance(f, (StartedFrame, DoneFrame))] == [4, 4]


def test_blank_lines_mean_nothing(ready: Door) -> None:
    ready.write(b"\n")
    ready.write(b"\n", "control")
    assert ready.text(ready.run(1, "x")) == "x"
    assert "skipped" not in ready.pane()


# ----------------------------------------------------------------------- chunks of plain functions


def quick(door: Door, rounds: int = 40) -> None:
    """Many quick tasks, so that chunks grow."""
    for n in range(rounds):
        first = 1000 + n * 64
        door.batch({number: "x" for number in range(first, first + 64)})
        door.outcome(first + 63)


def test_quick_tasks_are_announced_and_answered_many_at_once(door: Door) -> None:
    start(door, "sync", 64)
    quick(door)
    for kind in (b'"begun"', b'"results"'):
        assert max(line.count(b"],[") for line in door.raw.split(b"\n") if kind in line) >= 15
    assert max(map(len, door.raw.split(b"\n"))) < 4096


def test_results_of_many_long_tasks_are_as_many_frames_as_need_be(door: Door) -> None:
    start(door, "sync", 64)
    quick(door)
    text = "\x01" * 500  # six bytes each
    for number in range(1, 13):  # a pipe holds 16 pages
        door.task(number, text)
    for number in range(1, 13):
        assert door.text(door.outcome(number)) == text
    assert not door.bad()


def test_results_do_not_wait_for_a_slow_task_of_the_same_chunk(door: Door) -> None:
    """Quick tasks have made the chunks large; then one of a chunk takes long."""
    start(door, "sync", 64)
    quick(door)
    gate = door.folder / "gate"
    payloads = (
        {n: "x" for n in range(1, 17)} | {17: f"gate {gate}"} | {n: "x" for n in range(18, 21)}
    )
    door.batch(payloads)
    for number in range(1, 17):
        door.outcome(number)
    assert not door.outcomes(17)
    gate.touch()
    for number in range(17, 21):
        door.outcome(number)


def test_what_waited_behind_a_slow_task_is_announced_again(door: Door) -> None:
    """Its time counts from then."""
    start(door, "sync", 64)
    quick(door)
    gate = door.folder / "gate"
    door.batch({1: "x", 2: f"gate {gate}", 3: "x"})
    door.outcome(1)
    twice = (
        StartedFrame(3, 1) in door.frames
    )  # begun with the slow one, if chunks were large enough
    gate.touch()
    door.outcome(3)
    assert door.frames.count(StartedFrame(3, 1)) == 1 + twice
    assert door.frames.index(DoneFrame(3, 1, "x")) > door.frames.index(
        DoneFrame(2, 1, f"gate {gate}")
    )


def test_a_task_that_is_tried_again_is_begun_alone(door: Door) -> None:
    """It may be what killed its worker."""
    start(door, "sync", 64)
    quick(door)
    door.write(b'{"t":"tasks","tasks":[[1,1,"x"],[2,1,"x"],[3,2,"crash"],[4,1,"x"],[5,1,"x"]]}\n')
    assert door.ended() == 9
    door.read()
    assert StartedFrame(3, 2) in door.frames
    assert StartedFrame(4, 1) not in door.frames
    for number in (1, 2):
        assert door.outcomes(number), "it was done before"


def test_a_slow_task_makes_chunks_small_again(door: Door) -> None:
    start(door, "sync", 64)
    quick(door)
    door.run(1, "sleep 0.02")
    door.batch({2: "crash", 3: "x"})
    assert door.ended() == 9
    door.read()
    assert StartedFrame(2, 1) in door.frames
    assert StartedFrame(3, 1) not in door.frames


# --------------------------------------------------------------------------------------- progress


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_progress_is_reported_at_most_ten_times_a_second(door: Door, mode: str) -> None:
    start(door, mode)
    begun = time.monotonic()
    door.run(1, "progress 300")
    took = time.monotonic() - begun
    reports = door.progress(1)
    assert 2 <= len(reports) <= took * 10 + 2
    assert [f.done for f in reports] == sorted({f.done for f in reports})
    last = reports[-1]
    assert (last.done, last.total, last.note) == (300, 300, "step 300")
    kinds = [type(f).__name__ for f in door.frames if getattr(f, "id", 0) == 1]
    assert kinds[-1] == "DoneFrame", "the last report comes before the result"


@pytest.mark.parametrize("mode", ["sync", "async"])
def test_progress_after_the_end_says_nothing(door: Door, mode: str) -> None:
    start(door, mode)
    door.run(1, "keep")
    door.run(2, "late report")
    assert not door.progress(1)
    assert not door.bad()


def test_odd_progress_is_whole_or_refused(door: Door) -> None:
    start(door, "sync")
    door.run(1, "note " + "\x01ü" * 1500)
    (report,) = door.progress(1)
    assert report.note == ("\x01ü" * 100)
    assert (report.done, report.total) == (0.5, None)
    door.task(2, "number nan")
    assert "finite" in getattr(door.outcome(2), "error", "")
    assert not door.bad()


def test_asked_by_number_it_names_what_has_begun_and_nothing_that_waits(door: Door) -> None:
    """A new daemon asks: what waits has lost nothing if this worker dies."""
    door.start(runner("sleep", "{payload}"), {"TMAX_WINDOW": "3"})
    door.batch({1: "1000", 2: "1000", 3: "1000"})
    door.started(1)
    before = len(lines(door, "started"))
    door.write(b'{"t":"ping","number":9}\n', "control")
    door.until(lambda: any(b.get("number") == 9 for b in lines(door, "heartbeat")), "the answer")
    assert [s["id"] for s in lines(door, "started")[before:]] == [1]
    assert not lines(door, "begun")
