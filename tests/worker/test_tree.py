"""Who ends with a task that is made to end: every process that it has started, and nobody else's."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from tests.worker.door import Door, children, end, lives, runner
from tmaxd.tasks.frames import FailedFrame, HeartbeatFrame

SCRIPT = runner("bash", "-c", 'eval "$1"', "task", "{payload}")

DAEMON = """\
import os, signal, sys, time
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
for name in sys.argv[2:]:
    signal.signal(getattr(signal, name), signal.SIG_IGN)
open(sys.argv[1] + ".new", "w").write(str(os.getpid()))
os.rename(sys.argv[1] + ".new", sys.argv[1])
time.sleep(300)
"""
"""`daemon.py FILE [SIGNAL…]` leaves its parent, its group and its session, and writes its pid to FILE."""


@pytest.fixture
def ready(door: Door) -> Door:
    (door.folder / "daemon.py").write_text(DAEMON)
    door.start(SCRIPT)
    return door


def daemon(file: str, *ignored: str, clean: bool = False) -> str:
    words = [
        *(["env", "-i"] if clean else []),
        sys.executable,
        "-I",
        "-S",
        "daemon.py",
        file,
        *ignored,
    ]
    return " ".join(words)


def pid_in(door: Door, file: str) -> int:
    path = door.folder / file
    door.until(path.exists, f"{file}")
    return int(path.read_text())


def made_to_end(door: Door, how: str, number: int = 1) -> FailedFrame:
    if how == "cancelled":
        door.cancel(number)
    frame = door.outcome(number)
    assert isinstance(frame, FailedFrame), frame
    assert frame.outcome == how
    return frame


@pytest.fixture(params=["cancelled", "timeout"])
def how(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def give(door: Door, script: str, how: str, number: int = 1) -> None:
    door.task(number, script, timeout=1.5 if how == "timeout" else None)


@pytest.mark.parametrize("clean", [False, True])
def test_a_daemon_that_has_left_everything_is_ended(ready: Door, how: str, clean: bool) -> None:
    """Also one whose environment says nothing of the task, as after a `setproctitle`."""
    give(ready, f"{daemon('escaped', clean=clean)}; sleep 300", how)
    escaped = pid_in(ready, "escaped")
    made_to_end(ready, how)
    assert not lives(escaped), "it was gone before the task was answered"
    assert ready.text(ready.run(2, "echo next")) == "next\n"
    ready.until(lambda: children(ready.pid) == [], "no zombie is left")


def test_descendants_in_sessions_of_their_own_are_ended(ready: Door, how: str) -> None:
    script = "setsid bash -c 'echo $$ >outer; setsid bash -c \"echo \\$\\$ >inner; sleep 300\"'; sleep 300"
    give(ready, script, how)
    ready.until(lambda: (ready.folder / "inner").exists(), "the inner one")
    ready.until(lambda: (ready.folder / "inner").read_text() != "", "its pid")
    made_to_end(ready, how)
    assert not lives(pid_in(ready, "outer"))
    assert not lives(pid_in(ready, "inner"))


@pytest.mark.slow
def test_one_that_ignores_sigterm_is_killed_and_waited_for(ready: Door) -> None:
    ready.task(1, f"{daemon('deaf', 'SIGTERM')}; sleep 300")
    deaf = pid_in(ready, "deaf")
    began = time.monotonic()
    made_to_end(ready, "cancelled")
    assert 4.5 < time.monotonic() - began < 9
    assert not lives(deaf)


def test_what_a_task_does_to_clean_up_is_not_disturbed(ready: Door) -> None:
    """A program that it starts after it was asked to end is not asked itself."""
    ready.task(
        1,
        "trap 'bash -c \"sleep 0.3; echo clean >cleaned\"; exit' TERM; echo up; while :; do sleep 0.01; done",
    )
    ready.until_pane("up\n")
    made_to_end(ready, "cancelled")
    assert (ready.folder / "cleaned").read_text() == "clean\n"


def test_a_child_that_takes_its_time_to_end_is_given_it(ready: Door) -> None:
    child = "trap 'sleep 0.3; echo saved >saved; exit' TERM; echo up; while :; do sleep 0.01; done"
    ready.task(1, f'bash -c "{child}" & wait')
    ready.until_pane("up\n")
    made_to_end(ready, "cancelled")
    assert (ready.folder / "saved").read_text() == "saved\n"


@pytest.mark.parametrize("clean", [False, True])
def test_what_another_task_has_left_behind_lives_on(ready: Door, how: str, clean: bool) -> None:
    script = f"{daemon('left', clean=clean)}; until [[ -e left ]]; do sleep 0.01; done"
    ready.text(ready.run(1, script))
    left = pid_in(ready, "left")
    try:
        give(ready, f"{daemon('escaped')}; sleep 300", how, 2)
        escaped = pid_in(ready, "escaped")
        made_to_end(ready, how, 2)
        assert not lives(escaped)
        assert lives(left)
    finally:
        end(left)
    ready.until(lambda: children(ready.pid) == [], "it is buried while the runner is idle")


def test_a_task_that_fails_by_itself_may_leave_something_behind(ready: Door) -> None:
    ready.task(1, f"{daemon('left')}; until [[ -e left ]]; do sleep 0.01; done; exit 1")
    ready.outcome(1)
    left = pid_in(ready, "left")
    assert lives(left)
    end(left)
    ready.until(lambda: children(ready.pid) == [], "it is buried")


def test_orphans_are_buried_while_a_long_task_runs(ready: Door) -> None:
    gate = ready.folder / "gate"
    ready.task(
        1,
        f"sleep 1.2; for i in {{1..50}}; do (true &); done; echo up; until [[ -e {gate} ]]; do sleep 0.05; done",
    )
    ready.until_pane("up\n")
    ready.until(lambda: len(children(ready.pid)) == 1, "only the task is left")
    gate.touch()
    assert ready.text(ready.outcome(1)) == "up\n"
    ready.until(lambda: children(ready.pid) == [], "nor it")


def test_the_status_of_a_task_is_its_own_whatever_ends_beside_it(ready: Door) -> None:
    for number in range(1, 40):
        script = (
            f"for i in 1 2 3; do (sleep 0.0$i; exit 9) & done; disown -a; (exit 5 &); exit {number}"
        )
        ready.task(number, script)
        frame = ready.outcome(number)
        assert isinstance(frame, FailedFrame)
        assert frame.error == f"exit status {number}"
    ready.until(lambda: children(ready.pid) == [], "no zombie is left")


def test_heartbeats_go_on_while_a_tree_ends(ready: Door) -> None:
    ready.task(
        1,
        "trap 'until [[ -e gate ]]; do sleep 0.01; done; exit' TERM; echo up; while :; do sleep 0.01; done",
    )
    ready.until_pane("up\n")
    ready.cancel(1)
    ready.wait(HeartbeatFrame)
    count = ready.heartbeats()
    ready.write(b'{"t":"ping"}\n', "control")
    ready.until(lambda: ready.heartbeats() > count, "a heartbeat")
    assert not ready.outcomes(1)
    Path(ready.folder / "gate").touch()
    made_to_end(ready, "cancelled")
