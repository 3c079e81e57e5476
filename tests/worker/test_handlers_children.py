"""What a plain handler has started ends with it when it is interrupted, and only then; what was there before stays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.worker.door import Door, end, lives, python
from tmaxd.tasks.frames import DoneFrame, FailedFrame

PROGRAM = """\
import os, subprocess, sys, time
from tmaxd.worker import serve

def note(process):
    with open(f"{process.pid}.pid", "w"):
        pass

before = subprocess.Popen(["sleep", "300"])
note(before)
started = []

def handle(task):
    verb, _, script = task.payload.partition(" ")
    if verb == "run":
        subprocess.run(["bash", "-c", script])
        return "ran"
    process = subprocess.Popen(["bash", "-c", script], start_new_session=verb == "apart")
    started.append(process)
    if verb == "leave":
        return "left"
    try:
        time.sleep(300)
    except BaseException:
        if verb == "swallow":
            return "swallowed"
        if verb == "tidy":
            with open("tidied", "w") as file:
                file.write(str(process.poll()))
            process.kill()
            process.wait()
        raise

serve(handle)
"""

SLEEP = "echo $$ >child; sleep 300 & echo $! >grandchild.new; mv grandchild.new grandchild; wait"


@pytest.fixture
def ready(door: Door) -> Door:
    (door.folder / "program.py").write_text(PROGRAM)
    door.start(python("program.py"))
    return door


@pytest.fixture(autouse=True)
def nothing_is_left(door: Door) -> Iterator[None]:
    yield
    for path in [*door.folder.glob("*child"), door.folder / "deaf"]:
        if path.exists() and path.read_text().strip():
            end(int(path.read_text()))


@pytest.fixture(params=["cancelled", "timeout"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def before(door: Door) -> int:
    (path,) = door.folder.glob("*.pid")
    return int(path.stem)


def pids(door: Door) -> tuple[int, int]:
    door.until((door.folder / "grandchild").exists, "both are there")
    child, grandchild = (int((door.folder / name).read_text()) for name in ("child", "grandchild"))
    return child, grandchild


def interrupted(door: Door, how: str, number: int = 1) -> None:
    if how == "cancelled":
        door.cancel(number)
    frame = door.outcome(number)
    assert isinstance(frame, FailedFrame), frame
    assert frame.outcome == how


@pytest.mark.parametrize("verb", ["run", "start", "apart"])
def test_they_are_gone_before_the_task_is_answered(ready: Door, how: str, verb: str) -> None:
    """`subprocess.run` kills its own child when it is interrupted, and leaves the grandchild."""
    ready.task(1, f"{verb} {SLEEP}", timeout=1.0 if how == "timeout" else None)
    found = pids(ready)
    interrupted(ready, how)
    assert not any(lives(pid) for pid in found)
    assert lives(before(ready)), "it was there before the task"
    assert ready.text(ready.run(2, "leave true")) == "left"


def test_what_a_task_left_that_ended_well_lives_on(ready: Door) -> None:
    assert ready.text(ready.run(1, f"leave {SLEEP}")) == "left"
    found = pids(ready)
    time.sleep(0.02)  # two ticks of the clock by which processes are told apart
    ready.task(2, "start sleep 300", timeout=0.2)
    interrupted(ready, "timeout", 2)
    assert all(lives(pid) for pid in found)


def test_a_handler_that_tidies_up_itself_finds_them_alive(ready: Door) -> None:
    ready.task(1, f"tidy {SLEEP}")
    found = pids(ready)
    interrupted(ready, "cancelled")
    assert (ready.folder / "tidied").read_text() == "None"
    assert not any(lives(pid) for pid in found)


def test_a_handler_that_goes_on_all_the_same_keeps_them(ready: Door) -> None:
    ready.task(1, f"swallow {SLEEP}")
    found = pids(ready)
    ready.cancel(1)
    assert isinstance(ready.outcome(1), DoneFrame)
    assert all(lives(pid) for pid in found)
    ready.task(2, "start exit 1", timeout=0.1)
    interrupted(ready, "timeout", 2)
    assert all(lives(pid) for pid in found)


@pytest.mark.slow
def test_one_that_ignores_sigterm_is_killed(ready: Door) -> None:
    ready.task(1, "start trap '' TERM; echo $$ >deaf; while :; do sleep 0.1; done")
    path = ready.folder / "deaf"
    ready.until(lambda: path.exists() and path.read_text() != "", "it is there")
    began = time.monotonic()
    ready.cancel(1)
    count = ready.heartbeats()
    ready.write(b'{"t":"ping"}\n', "control")
    ready.until(lambda: ready.heartbeats() > count, "a heartbeat")
    interrupted(ready, "cancelled")
    assert 4.5 < time.monotonic() - began < 9
    assert not lives(int(path.read_text()))


def test_others_that_wait_here_are_cancelled_meanwhile(ready: Door) -> None:
    ready.task(
        1,
        "start trap 'until [[ -e gate ]]; do sleep 0.01; done; exit' TERM; echo $$ >deaf; while :; do sleep 0.01; done",
    )
    path = ready.folder / "deaf"
    ready.until(lambda: path.exists() and path.read_text() != "", "it is there")
    ready.task(2, "leave true")
    ready.cancel(1)
    ready.cancel(2)
    frame = ready.outcome(2)
    assert isinstance(frame, FailedFrame)
    assert frame.outcome == "cancelled"
    assert not ready.outcomes(1)
    Path(ready.folder / "gate").touch()
    interrupted(ready, "cancelled")
