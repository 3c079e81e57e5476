"""A task that is cancelled ends now, wherever it is: running, waiting in the worker, or still under way to it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.worker.door import Door, runner
from tests.worker.programs import KINDS, start
from tmaxd.tasks.frames import FailedFrame, HeartbeatFrame, StartedFrame


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def cancelled(door: Door, number: int) -> FailedFrame:
    frame = door.outcome(number)
    assert isinstance(frame, FailedFrame), frame
    assert frame.outcome == "cancelled"
    return frame


def test_a_running_task_is_ended(door: Door, kind: str) -> None:
    start(door, kind)
    door.task(1, "sleep 60")
    door.started(1)
    if kind != "runner":
        door.until_pane("asleep")  # else its end may come before its handler's first line
    door.cancel(1)
    cancelled(door, 1)
    assert door.text(door.run(2, "next")) == "next"
    if kind != "runner":
        door.until_pane("cleaned up")


def test_a_running_task_with_a_timeout_is_ended(door: Door, kind: str) -> None:
    start(door, kind)
    door.task(1, "sleep 60", timeout=30)
    door.started(1)
    door.cancel(1)
    cancelled(door, 1)
    door.task(2, "sleep 60", timeout=0.1)
    assert getattr(door.outcome(2), "outcome", None) == "timeout"


def test_a_task_that_waits_is_answered_at_once_and_never_begins(door: Door, kind: str) -> None:
    start(door, kind, 1 if kind == "async" else 4)
    gate = door.folder / "gate"
    door.task(1, f"gate {gate}")
    door.started(1)
    for number in (2, 3):
        door.task(number, f"payload {number}")
    door.cancel(2)
    cancelled(door, 2)
    assert not door.outcomes(1), "it was answered while the other one ran"
    gate.touch()
    assert door.text(door.outcome(3)) == "payload 3"
    assert StartedFrame(2, 1) not in door.frames
    assert len(door.outcomes(2)) == 1


def test_a_task_that_waits_in_a_batch_is_answered_at_once(door: Door, kind: str) -> None:
    start(door, kind, 2)
    gate = door.folder / "gate"
    door.batch({1: f"gate {gate}", 2: f"gate {gate}", 3: "x", 4: "y"})
    door.started(1)
    door.cancel(3)
    cancelled(door, 3)
    assert not door.outcomes(1)
    gate.touch()
    assert door.text(door.outcome(4)) == "y"
    assert len(door.outcomes(3)) == 1


def test_a_task_that_comes_after_its_cancel_never_begins(door: Door, kind: str) -> None:
    start(door, kind)
    door.cancel(1)
    door.wait(HeartbeatFrame)  # any control frame is followed by one
    door.task(1, "never")
    cancelled(door, 1)
    assert StartedFrame(1, 1) not in door.frames
    door.task(1, "another attempt", attempt=2)
    assert door.text(door.outcome(1, 2)) == "another attempt"


def test_what_is_done_stays_done(door: Door, kind: str) -> None:
    start(door, kind)
    door.run(1, "x")
    door.cancel(1)
    door.wait(HeartbeatFrame)
    door.task(1, "x")
    door.until(lambda: len(door.outcomes(1)) == 2, "the result again")
    assert all(door.text(f) == "x" for f in door.outcomes(1))


def test_many_cancels_at_once_end_each_its_own(door: Door, kind: str) -> None:
    start(door, kind, 8)
    door.batch({n: "sleep 60" for n in range(1, 7)} | {7: "x"})
    door.started(1)
    for number in (4, 1, 2, 6, 3, 5):
        door.cancel(number)
    for number in range(1, 7):
        cancelled(door, number)
    assert door.text(door.outcome(7)) == "x"
    assert all(len(door.outcomes(n)) == 1 for n in range(1, 8))


def test_cancels_between_quick_tasks_do_no_harm(door: Door) -> None:
    """The alarm that carries them comes anywhere: between two tasks, in the worker's own code, too late."""
    start(door, "sync", 64)
    for first in range(1, 1000, 50):
        door.batch({n: "x" for n in range(first, first + 50)})
        for number in range(first, first + 50, 7):
            door.cancel(number)
        door.outcome(first + 49)
        for number in range(first, first + 50):
            door.outcome(number)
    assert all(len(door.outcomes(n)) == 1 for n in range(1, 1001))
    assert "Traceback" not in door.pane()


def test_a_cancelled_task_is_ended_with_all_its_children(door: Door) -> None:
    child = door.folder / "child"
    door.start(runner("bash", "-c", f"sleep 300 & echo $! >{child}; echo up; wait"))
    door.task(1, "")
    door.until_pane("up\n")
    door.cancel(1)
    assert cancelled(door, 1).error.startswith("cancelled")
    door.until(lambda: not Path(f"/proc/{int(child.read_text())}").exists(), "the child's end")


@pytest.mark.slow
def test_a_cancelled_task_that_ignores_sigterm_is_killed(door: Door) -> None:
    door.start(runner("bash", "-c", "trap '' TERM; echo up; while :; do sleep 0.1; done"))
    door.task(1, "")
    door.until_pane("up\n")
    began = time.monotonic()
    door.cancel(1)
    cancelled(door, 1)
    assert 4.5 < time.monotonic() - began < 9


def test_a_task_that_ends_well_when_it_is_asked_to_end_is_cancelled_all_the_same(
    door: Door,
) -> None:
    door.start(runner("bash", "-c", "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done"))
    door.task(1, "")
    door.until_pane("up\n")
    door.cancel(1)
    cancelled(door, 1)


def test_a_worker_that_drains_can_still_be_relieved(door: Door, kind: str) -> None:
    if kind == "runner":
        pytest.skip("it does not wait for its task")
    start(door, kind)
    door.task(1, "sleep 60")
    door.started(1)
    door.kill(signal.SIGTERM)
    door.cancel(1)
    cancelled(door, 1)
    assert door.ended() == 0


@pytest.mark.parametrize(
    "frame", [b'{"t":"cancel"}', b'{"t":"cancel","id":"1","attempt":1}', b'{"id":1}']
)
def test_a_bad_cancel_is_skipped(door: Door, kind: str, frame: bytes) -> None:
    start(door, kind)
    door.write(frame + b"\n", "control")
    door.until_pane("skipped a line")
    assert door.text(door.run(1, "x")) == "x"
