"""What a task of the runner tells when it fails: the end of all that it wrote, wherever it wrote it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.worker.door import Door, end, runner
from tmaxd.tasks.frames import DoneFrame, FailedFrame


@pytest.fixture
def ready(door: Door) -> Door:
    door.start(runner("bash", "-c", 'eval "$1"', "task", "{payload}"))
    return door


def error(door: Door, number: int, script: str) -> str:
    frame = door.run(number, script)
    assert isinstance(frame, FailedFrame), frame
    return frame.error


def test_one_line_is_told_in_one_line(ready: Door) -> None:
    assert error(ready, 1, "echo out; exit 1") == "exit status 1: out"
    assert error(ready, 2, "echo err >&2; exit 1") == "exit status 1: err"
    assert error(ready, 3, "exit 1") == "exit status 1"
    assert error(ready, 4, r"printf '\n\n  \n'; exit 1") == "exit status 1"


def test_both_outputs_are_told_in_their_order(ready: Door) -> None:
    """Each waits until the one before is in the pane, so that it was read."""
    shown = "until [[ $(<pane) == *$1* ]]; do sleep 0.01; done"
    script = (
        f"shown() {{ {shown}; }}; echo first; shown first; echo second >&2; shown second; "
        "echo third; exit 7"
    )
    assert error(ready, 1, script) == "exit status 7: second\nfirst\nsecond\nthird"


def test_the_last_line_of_standard_error_heads_it(ready: Door) -> None:
    """It tells more often why; of a progress bar it is what stood there last."""
    first, *_ = error(ready, 1, "echo why >&2; echo; echo result; exit 1").splitlines()
    assert first == "exit status 1: why"
    first, *_ = error(ready, 2, r"printf '10%%\r50%%\r' >&2; exit 1").splitlines()
    assert first == "exit status 1: 50%"


@pytest.mark.parametrize("stream", ["1", "2"])
@pytest.mark.parametrize("line", ["line %s\\n", "\\t\\001%s\\n", "%s \\303\\274\\n"])
def test_of_much_output_as_much_of_the_end_is_told_as_a_frame_holds(
    ready: Door, stream: str, line: str
) -> None:
    said = error(ready, 1, f"printf '{line}' {{1..5000}} >&{stream}; exit 1")
    first, *tail = said.splitlines()
    assert first.startswith("exit status 1: ")
    assert "5000" in first
    assert "5000" in tail[-1]
    assert len(tail) > 80
    numbers = [int("".join(c for c in entry if c.isdigit())) for entry in tail]
    assert numbers == list(range(numbers[0], 5001)), "whole lines, none left out"
    assert not ready.bad()


def test_a_line_without_an_end_is_cut(ready: Door) -> None:
    said = error(ready, 1, "printf 'x%.0s' {1..9000} >&2; exit 1")
    assert said.startswith("exit status 1: xxx")
    assert len(said) > 2900
    ready.until_pane("x\n✘ failed in ")
    ready.until_pane("x…\n")


def test_a_result_is_of_standard_output_alone(ready: Door) -> None:
    frame = ready.run(1, "echo trouble >&2; echo result; echo more trouble >&2")
    assert isinstance(frame, DoneFrame)
    assert frame.result == "result\n"
    ready.until_pane("more trouble\n")


def test_what_was_written_before_a_timeout_is_told(ready: Door) -> None:
    ready.task(1, "echo at it; echo stuck >&2; sleep 60", timeout=0.3)
    frame = ready.outcome(1)
    assert isinstance(frame, FailedFrame)
    first, *tail = frame.error.splitlines()
    assert first == "timed out after 0.3 s: stuck"
    assert sorted(tail) == ["at it", "stuck"]


def test_each_output_keeps_its_place_in_the_pane(door: Door) -> None:
    """Somebody may have sent one of them elsewhere."""
    door.start(
        ["bash", "-c", 'exec "$@" 2>errors', "sh", *runner("bash", "-c", "echo out; echo err >&2")]
    )
    door.run(1, "")
    assert "out\n" in door.pane()
    assert "err" not in door.pane()
    assert (door.folder / "errors").read_text() == "err\n"


def test_a_process_left_behind_may_keep_both_outputs_open(ready: Door) -> None:
    ready.task(1, "sleep 300 & echo $! >left; echo mine; echo fault >&2; exit 1")
    try:
        frame = ready.outcome(1)
        assert isinstance(frame, FailedFrame)
        assert sorted(frame.error.splitlines()[1:]) == ["fault", "mine"]
        assert ready.text(ready.run(2, "echo next")) == "next\n"
    finally:
        end(int((ready.folder / "left").read_text()))


def test_a_full_screen_of_standard_error_is_shown_whole(ready: Door) -> None:
    ready.run(1, "for i in {1..20}; do printf 'line %s\\n' {1..300}; done >&2")
    assert ready.pane().count("\nline 300\n") == 20


def test_a_task_has_no_terminal(door: Door, tmp_path: Path) -> None:
    """Whether the runner has one or not, what the task writes is read by the runner: as in a CI job."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        runner(sys.executable, "-c", "import os; print(*[os.isatty(n) for n in (0, 1, 2)])"),
        env={
            "PATH": os.environ["PATH"],
            "TMAX_PIPES": str(door.folder),
            "TMAX_SPOOL": str(door.folder),
        },
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    try:
        assert door.text(door.run(1, "")) == "False False False\n"
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(ours)


@pytest.mark.parametrize("make", ["mkdir", "mkfifo"])
def test_a_result_that_is_no_file_fails_the_task_and_not_the_worker(ready: Door, make: str) -> None:
    place = ready.folder / "task-1-1.result"
    why = f"its result file {place} cannot be read: it is not a plain file"
    assert error(ready, 1, f'{make} "$TMAX_RESULT"') == why
    ready.until_pane(why)
    assert ready.text(ready.run(2, "echo next")) == "next\n"
