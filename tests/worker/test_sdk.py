"""The Python SDK, in a process of its own: `serve` with plain functions and with coroutines."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.door import ROOT, Door, python
from tests.worker.scripted import __file__ as SCRIPTED
from tmaxd.tasks.frames import DoneFrame, FailedFrame, HeartbeatFrame, StartedFrame


@pytest.fixture(params=["sync", "async"])
def mode(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def ready(door: Door, mode: str) -> Door:
    door.start(python(SCRIPTED, mode))
    return door


def failure(door: Door, number: int) -> FailedFrame:
    frame = door.outcome(number)
    assert isinstance(frame, FailedFrame), frame
    return frame


def test_an_exception_is_a_failure_with_its_traceback(ready: Door) -> None:
    ready.task(1, "raise that will not do")
    frame = failure(ready, 1)
    assert frame.outcome == "failed"
    assert frame.error.startswith("ValueError: that will not do\n")
    assert "in act" in frame.error
    assert "tmaxd/worker" not in frame.error, "our own frames help nobody"
    ready.until_pane("ValueError: that will not do")


def test_a_long_exception_fits_a_frame(ready: Door) -> None:
    for number, text in enumerate(("ü" * 1800, "\x01" * 3000, '"' * 3500), 1):
        ready.task(number, "raise " + text)
        assert failure(ready, number).error.startswith(f"ValueError: {text[:20]}")
    assert not ready.bad()


def test_temporary_asks_for_another_try(ready: Door) -> None:
    ready.task(1, "temporary the disk is full")
    frame = failure(ready, 1)
    assert (frame.outcome, frame.error) == ("temporary", "the disk is full")


def test_values_become_text(ready: Door) -> None:
    assert json.loads(ready.text(ready.run(1, "json", timeout=30))) == {
        "id": 1,
        "attempt": 1,
        "timeout": 30.0,
    }
    assert ready.text(ready.run(2, "bytes grün")) == "grün"
    assert ready.text(ready.run(3, "none")) == ""
    assert ready.text(ready.run(4, "half")) == "?"
    ready.task(5, "strange")
    assert "not JSON serializable" in failure(ready, 5).error


def test_a_long_result_goes_by_file_that_only_its_owner_may_read(ready: Door) -> None:
    frame = ready.run(1, "long 5000")
    assert isinstance(frame, DoneFrame)
    assert frame.result_file
    assert ready.text(frame) == "ü" * 5000
    path = Path(frame.result_file)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in ready.folder.glob("task-*")] == [path.name], "a temporary file was left"


def test_a_result_that_cannot_be_written_fails_the_task(door: Door, mode: str) -> None:
    door.start(python(SCRIPTED, mode), {"TMAX_SPOOL": "/nowhere"})
    door.task(1, "long 5000")
    assert "/nowhere" in failure(door, 1).error
    assert door.text(door.run(2, "goes on")) == "goes on"


def test_a_timeout_interrupts_the_handler(ready: Door) -> None:
    ready.task(1, "sleep 60", timeout=0.05)
    frame = failure(ready, 1)
    assert (frame.outcome, frame.error) == ("timeout", "timed out after 0.05 s")
    ready.until_pane("cleaned up")
    assert ready.text(ready.run(2, "in time", timeout=5)) == "in time"


def test_a_timeout_of_the_handlers_own_is_a_failure(ready: Door) -> None:
    ready.task(1, "timeout the peer is silent", timeout=60)
    frame = failure(ready, 1)
    assert frame.outcome == "failed"
    assert frame.error.startswith("TimeoutError: the peer is silent")


def test_sigterm_lets_the_running_task_finish_and_takes_no_other(door: Door, mode: str) -> None:
    door.start(python(SCRIPTED, mode, "1"))
    gate = door.folder / "gate"
    door.task(1, f"gate {gate}")
    door.task(2, "never")
    door.started(1)
    door.kill(signal.SIGTERM)
    # The handler is still waiting: nothing but the gate can let it end.
    gate.touch()
    assert door.text(door.outcome(1)) == f"gate {gate}"
    assert door.ended() == 0
    door.read()
    assert StartedFrame(2, 1) not in door.frames
    assert "served" in door.pane(), "serve did not return"


def test_a_failure_while_stopping_may_be_the_stops_doing(door: Door, mode: str) -> None:
    door.start(python(SCRIPTED, mode))
    door.task(1, "sleep 60", timeout=0.5)
    door.started(1)
    door.kill(signal.SIGTERM)
    assert failure(door, 1).outcome == "timeout"
    assert door.ended() == 0


def test_a_second_ctrl_c_does_not_wait(ready: Door) -> None:
    ready.task(1, "sleep 60")
    ready.started(1)
    ready.kill(signal.SIGINT)

    # Two signals that come at once are one, so it is repeated until the worker has ended.
    def again() -> bool:
        ready.kill(signal.SIGINT)
        return ready.has_ended()

    ready.until(again, "end")
    assert not any(isinstance(f, DoneFrame) for f in ready.frames)


def test_a_crash_in_a_handler_leaves_its_started_behind(ready: Door) -> None:
    """Else the daemon would hand out a task that kills its worker for ever without counting."""
    for number in range(1, 9):
        ready.task(number, "quick")
    ready.task(9, "crash")
    ready.task(10, "quick")
    assert ready.ended() == 9
    ready.read()
    assert StartedFrame(9, 1) in ready.frames
    assert not ready.outcomes(9)


def test_coroutines_run_at_once_up_to_the_window(door: Door) -> None:
    door.start(python(SCRIPTED, "async", "3"))
    gate = door.folder / "gate"
    for number in range(1, 6):
        door.task(number, f"gate {gate}")
    for number in (1, 2, 3):
        door.started(number)
    door.write(b'{"t":"ping"}\n', "control")
    door.wait(HeartbeatFrame)
    assert StartedFrame(4, 1) not in door.frames
    gate.touch()
    for number in range(1, 6):
        door.outcome(number)


def test_many_tasks_in_bursts(door: Door, mode: str) -> None:
    door.start(python(SCRIPTED, mode, "64"))
    total, sent = 2000, 0
    while True:
        door.read(0.02)
        ended = sum(isinstance(f, DoneFrame) for f in door.frames)
        if ended == total:
            break
        while sent < total and sent - ended < 64:
            sent += 1
            door.task(sent, f"payload {sent}")
    assert {f.id for f in door.frames if isinstance(f, DoneFrame)} == set(range(1, total + 1))
    assert all(f.result == f"payload {f.id}" for f in door.frames if isinstance(f, DoneFrame))


# ------------------------------------------------------------------------------------- outside


def outside(env: dict[str, str], program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **env},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


ECHO = "from tmaxd.worker import serve\nserve(lambda task: task.payload)"


@pytest.mark.parametrize(
    ("env", "says"),
    [
        ({}, "TMAX_PIPES is not set"),
        ({"TMAX_PIPES": "/nowhere"}, "TMAX_SPOOL is not set"),
        ({"TMAX_PIPES": "/nowhere", "TMAX_SPOOL": "/"}, "/nowhere/tasks.pipe"),
    ],
)
def test_outside_of_tmaxd_it_says_how_it_is_meant_to_be_started(
    env: dict[str, str], says: str
) -> None:
    ran = outside(env, ECHO)
    assert ran.returncode == 2
    assert says in ran.stderr
    assert "serve:" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_plain_file_in_place_of_a_fifo_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tasks.pipe").touch()
    ran = outside({"TMAX_PIPES": str(tmp_path), "TMAX_SPOOL": str(tmp_path)}, ECHO)
    assert ran.returncode == 2
    assert "not a FIFO" in ran.stderr


@pytest.mark.parametrize("window", [0, -1, 1025])
def test_a_window_out_of_range_is_refused(window: int) -> None:
    ran = outside({}, f"from tmaxd.worker import serve\nserve(str, window={window})")
    assert "window must be between 1 and 1024" in ran.stderr


def test_only_the_main_thread_can_serve() -> None:
    program = (
        "import threading\nfrom tmaxd.worker import serve\n"
        "threading.Thread(target=serve, args=(str,)).start()"
    )
    assert "main thread" in outside({}, program).stderr


def test_the_import_brings_in_nothing_but_a_little_of_the_standard_library() -> None:
    program = (
        "import sys; before = set(sys.modules); from tmaxd.worker import serve\n"
        "new = {m.partition('.')[0] for m in set(sys.modules) - before} - {'tmaxd'}\n"
        "assert new <= set(sys.stdlib_module_names), new\n"
        "heavy = {'asyncio', 'typing', 'inspect', 'dataclasses', 'json', 'traceback', 'threading'} & new\n"
        "assert not heavy, heavy"
    )
    ran = outside({}, program)
    assert ran.returncode == 0, ran.stderr
