"""The runner of `task:` groups: any command, one process a task."""

from __future__ import annotations

import os
import signal
import time
from itertools import pairwise
from pathlib import Path

import pytest

from tests.worker.door import Door, children, end, runner
from tmaxd.tasks.frames import DoneFrame, FailedFrame, HeartbeatFrame, StartedFrame

SCRIPT = runner("bash", "-c", 'eval "$1"', "task", "{payload}")
"""The payload is a script."""


@pytest.fixture
def ready(door: Door) -> Door:
    door.start(SCRIPT)
    return door


def failure(door: Door, number: int) -> FailedFrame:
    frame = door.outcome(number)
    assert isinstance(frame, FailedFrame), frame
    return frame


# ------------------------------------------------------------------------------------- the payload


def test_the_payload_stands_in_the_environment_too(ready: Door) -> None:
    script = 'printf "%s|%s|%s" "$TMAX_TASK" "$TMAX_ATTEMPT" "$TMAX_PAYLOAD"'
    ready.task(17, script, attempt=3)
    assert ready.text(ready.outcome(17, 3)) == f"17|3|{script}"


def test_each_place_in_the_command_is_filled(door: Door) -> None:
    door.start(runner("printf", "[%s]", "{payload}", "a={payload},b={payload}", "{other}"))
    assert door.text(door.run(1, "& \\ $x")) == "[& \\ $x][a=& \\ $x,b=& \\ $x][{other}]"


def test_without_a_place_it_comes_on_standard_input_exactly(door: Door) -> None:
    door.start(runner("od", "-An", "-c"))
    assert door.text(door.run(1, "a\n")).split() == ["a", "\\n"]
    assert door.text(door.run(2, "a")).split() == ["a"]
    assert door.text(door.run(3, "")).split() == []


def test_with_a_place_standard_input_is_empty(ready: Door) -> None:
    assert ready.text(ready.run(1, "cat; echo end")) == "end\n"


def test_what_a_task_does_not_read_is_not_the_next_ones(door: Door) -> None:
    door.start(runner("head", "-c", "1"))
    for number, payload in enumerate(("abc", "", "xyz"), 1):
        assert door.text(door.run(number, payload)) == payload[:1]


def test_a_payload_too_long_for_the_environment_is_left_out_of_it(door: Door) -> None:
    door.start(runner("bash", "-c", 'wc -c; printf %s "${TMAX_PAYLOAD-none}" | wc -c'))
    assert door.text(door.run(1, "x" * 102_400)).split() == ["102400", "102400"]
    assert door.text(door.run(2, "x" * 300_000)).split() == ["300000", "4"]
    assert door.text(door.run(3, "x" * 10)).split() == ["10", "10"], "and is back afterwards"


def test_a_payload_too_long_for_an_argument_fails_and_says_what_to_do(door: Door) -> None:
    door.start(runner("printf", "%.3s", "{payload}"))
    assert door.text(door.run(1, "x" * 131_071)) == "xxx"
    door.task(2, "x" * 131_072)
    frame = failure(door, 2)
    assert frame.outcome == "failed"
    assert "131071" in frame.error
    assert "standard input" in frame.error
    assert door.text(door.run(3, "short")) == "sho"


# ------------------------------------------------------------------------------------- the outcome


def test_the_exit_status_decides(ready: Door) -> None:
    assert isinstance(ready.run(1, "true"), DoneFrame)
    ready.task(2, "echo first; echo last words; exit 3")
    assert failure(ready, 2).outcome == "failed"
    assert failure(ready, 2).error == "exit status 3: last words\nfirst\nlast words"
    ready.task(3, "exit 75")
    assert failure(ready, 3).outcome == "temporary"
    assert failure(ready, 3).error == "exit status 75"
    ready.task(4, "kill -KILL $$")
    assert failure(ready, 4).error == "killed by SIGKILL"
    ready.task(5, "echo going; kill -SEGV $$")
    assert failure(ready, 5).error == "killed by SIGSEGV: going"
    ready.task(6, "exit 137")
    assert failure(ready, 6).error == "exit status 137"
    ready.task(7, "kill -40 $$")
    assert failure(ready, 7).error == "killed by signal 40"


def test_a_command_that_does_not_exist_fails(door: Door) -> None:
    door.start(runner("/nowhere/command"))
    door.task(1, "x")
    why = "/nowhere/command cannot be started: No such file or directory"
    assert (failure(door, 1).outcome, failure(door, 1).error) == ("failed", why)
    assert f"s: {why}\n" in door.pane()
    assert failure_of(door, runner_program(door, "plain", 0o644)) == "Permission denied"


def test_a_script_without_its_first_line_is_run_by_the_shell(door: Door) -> None:
    runner_program(door, "plain", 0o755)
    door.start(runner("plain", "a b"), {"PATH": f"{door.folder}:{os.environ['PATH']}"})
    assert door.text(door.run(1, "")) == "[a b]"


def test_signals_are_as_a_task_expects_them(door: Door) -> None:
    """What the interpreter ignores for itself must not be ignored in the task."""
    door.start(runner("grep", "SigIgn", "/proc/self/status"))
    ignored = int(door.text(door.run(1, "")).split()[1], 16)
    ours = {n for n in signal.valid_signals() if signal.getsignal(n) == signal.SIG_IGN}
    wanted = ours - {signal.SIGPIPE, signal.SIGXFSZ} | {signal.SIGTTIN, signal.SIGTTOU}
    assert {n for n in range(1, 32) if ignored >> (n - 1) & 1} == wanted


def test_the_environment_is_the_one_that_was_given(door: Door) -> None:
    door.start(runner("env"), {"LANG": "C", "ODD": "a=b\nc", "PYTHONHOME": "/nowhere"})
    lines = door.text(door.run(1, "x")).splitlines()
    assert {"ODD=a=b", "c", "LANG=C", "PYTHONHOME=/nowhere", "TMAX_PAYLOAD=x"} <= set(lines)
    assert not any(line.startswith("LC_") for line in lines)


def runner_program(door: Door, name: str, mode: int) -> str:
    program = door.folder / name
    program.write_text("printf '[%s]' \"$@\"\n")
    program.chmod(mode)
    return str(program)


def failure_of(door: Door, program: str) -> str:
    """Why this program could not be started."""
    with Door(door.folder / "other") as other:
        other.start(runner(program))
        other.task(1, "")
        return failure(other, 1).error.removeprefix(f"{program} cannot be started: ")


def test_a_command_named_like_a_function_of_the_runner_is_still_the_command(door: Door) -> None:
    program = door.folder / "last"
    program.write_text("#!/bin/sh\nprintf mine\n")
    program.chmod(0o755)
    door.start(runner("last"), {"PATH": f"{door.folder}:{os.environ['PATH']}"})
    assert door.text(door.run(1, "")) == "mine"


def test_the_result_is_the_tail_of_standard_output_in_whole_lines(ready: Door) -> None:
    text = ready.text(ready.run(1, "echo no >&2; seq 100000"))
    lines = text.splitlines()
    assert lines == [str(n) for n in range(100_001 - len(lines), 100_001)]
    assert 2500 < len(text) <= 3000
    ready.until_pane("\n54321\n")


def test_a_tail_begins_with_a_whole_character(ready: Door) -> None:
    for number, end_of_it in enumerate(("", "x", "xx"), 1):
        text = ready.text(ready.run(number, f"printf '漢%.0s' {{1..2000}}; printf '{end_of_it}'"))
        assert text == "漢" * ((3000 - len(end_of_it)) // 3) + end_of_it
    assert not ready.bad()


def test_a_tail_that_grows_when_escaped_still_fits(ready: Door) -> None:
    text = ready.text(ready.run(1, r"printf '\t%.0s' {1..3000}"))
    assert set(text) == {"\t"}
    assert len(text) > 1000


@pytest.mark.parametrize(
    "octal", [r"\377\376", r"\303", r"\355\240\200", r"\300\200", r"\364\220\200\200"]
)
def test_output_that_is_not_utf8_is_made_so(ready: Door, octal: str) -> None:
    count = octal.count("\\")
    assert ready.text(ready.run(1, f"printf 'a{octal}b'")) == "a" + "?" * count + "b"
    ready.task(2, f"printf 'a{octal}b'; exit 1")
    assert failure(ready, 2).error == "exit status 1: a" + "?" * count + "b"
    assert not ready.bad()


def test_a_result_file_comes_before_output(ready: Door) -> None:
    frame = ready.run(1, r'echo output; printf "tab\there\n" >"$TMAX_RESULT"')
    assert isinstance(frame, DoneFrame)
    assert frame.result == "tab\there\n"
    frame = ready.run(2, 'echo output; : >"$TMAX_RESULT"')
    assert isinstance(frame, DoneFrame)
    assert frame.result == "", "an empty file is a result"
    ready.task(3, 'echo no >"$TMAX_RESULT"; exit 1')
    assert failure(ready, 3).error == "exit status 1"


@pytest.mark.parametrize("content", [r"seq 2000", r"printf 'a\0b'", r"printf '\377'"])
def test_a_result_file_that_no_frame_can_hold_is_handed_over(ready: Door, content: str) -> None:
    frame = ready.run(1, f'{content} >"$TMAX_RESULT"')
    assert isinstance(frame, DoneFrame)
    assert frame.result_file
    assert Path(frame.result_file).parent == ready.folder
    assert Path(frame.result_file).stat().st_size > 0


def test_result_files_that_went_into_frames_are_removed(ready: Door) -> None:
    for number in range(1, 4):
        ready.run(number, 'echo small >"$TMAX_RESULT"')
    ready.kill(signal.SIGTERM)
    assert ready.ended() == 143
    assert not list(ready.folder.glob("task-*"))


# ------------------------------------------------------------------------------------- the pane


def test_the_pane_shows_each_task_and_its_output_as_it_comes(ready: Door) -> None:
    gate = ready.folder / "gate"
    ready.task(1, f"echo alive; echo trouble >&2; until [[ -e {gate} ]]; do sleep 0.01; done")
    ready.until_pane("alive\n")
    ready.until_pane("trouble\n")
    gate.touch()
    ready.outcome(1)
    ready.run(2, "printf 'no newline'; exit 4")
    ready.until_pane("no newline\n✘ failed in ")
    pane = ready.pane()
    assert pane.startswith("▶ task 1 (attempt 1)\n")
    assert "✔ done in 0." in pane
    assert "s: exit status 4: no newline\n" in pane


@pytest.mark.parametrize(
    ("env", "mark"),
    [
        ({"LANG": "C"}, ">"),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, ">"),
        ({"LANG": "C", "LC_ALL": "C.utf8"}, "▶"),
    ],
)
def test_the_marks_are_plain_where_the_terminal_is(
    door: Door, env: dict[str, str], mark: str
) -> None:
    door.start(runner("bash", "-c", 'printf %s "${LC_ALL-unset} $LANG"'), env)
    assert door.text(door.run(1, "")) == f"{env.get('LC_ALL', 'unset')} {env['LANG']}"
    assert door.pane().startswith(f"{mark} task 1")


def test_a_burst_of_output_is_followed_whole(ready: Door) -> None:
    ready.run(1, "for i in {1..20}; do printf 'line %s\\n' {1..300}; done")
    assert ready.pane().count("\nline 300\n") == 20


# ------------------------------------------------------------------------------------- time, ends


def test_a_task_that_takes_too_long_is_ended_with_all_its_children(ready: Door) -> None:
    child = ready.folder / "child"
    ready.task(1, f"sleep 300 & echo $! >{child}; echo waiting; wait", timeout=0.3)
    frame = failure(ready, 1)
    assert (frame.outcome, frame.error) == ("timeout", "timed out after 0.3 s: waiting")
    ready.until(lambda: not Path(f"/proc/{int(child.read_text())}").exists(), "the child's end")
    assert ready.text(ready.run(2, "echo next", timeout=30)) == "next\n"


def test_a_timeout_of_years_is_one_that_never_comes(ready: Door) -> None:
    assert ready.text(ready.run(1, "sleep 1.2; echo done", timeout=1e9)) == "done\n"


@pytest.mark.slow
def test_a_task_that_ignores_sigterm_is_killed(ready: Door) -> None:
    ready.task(1, "trap '' TERM; while :; do sleep 0.1; done", timeout=0.2)
    began = time.monotonic()
    assert failure(ready, 1).outcome == "timeout"
    assert 4.5 < time.monotonic() - began < 9


def test_a_stopped_task_is_ended_in_time_too(ready: Door) -> None:
    ready.task(1, "kill -STOP $$", timeout=0.2)
    assert failure(ready, 1).outcome == "timeout"


def test_a_process_left_behind_does_not_hold_up_the_next_task(ready: Door) -> None:
    """It has standard output open, so there is no end of file; and the next task must not get its output."""
    left = ready.folder / "left"
    ready.task(1, f"(while :; do echo ghost; sleep 0.02; done) & echo $! >{left}; echo mine")
    try:
        assert "mine\n" in ready.text(ready.outcome(1))
        assert ready.text(ready.run(2, "sleep 0.1; echo second")) == "second\n"
        assert ready.text(ready.run(3, "sleep 300 & echo $! >quiet; echo third")) == "third\n"
    finally:
        for name in (left, ready.folder / "quiet"):
            end(int(name.read_text()))


def test_a_task_that_closes_its_output_is_waited_for(ready: Door) -> None:
    gate = ready.folder / "gate"
    ready.task(1, f"echo said; exec >&-; until [[ -e {gate} ]]; do sleep 0.01; done; exit 3")
    ready.until_pane("said\n")
    ready.write(b'{"t":"ping"}\n', "control")
    ready.wait(HeartbeatFrame)
    assert not ready.outcomes(1)
    gate.touch()
    assert failure(ready, 1).error == "exit status 3: said"


def test_sigterm_ends_the_task_and_then_the_runner(ready: Door) -> None:
    ready.task(1, "echo $$ >pid; echo up; sleep 300")
    ready.until_pane("up\n")
    ready.kill(signal.SIGTERM)
    assert ready.ended() == 143
    pid = int((ready.folder / "pid").read_text())
    ready.until(lambda: not Path(f"/proc/{pid}").exists(), "the task's end")
    ready.read()
    assert StartedFrame(1, 1) in ready.frames
    assert not ready.outcomes(1), "the daemon must see it as lost, and give it to another"


def test_each_task_has_a_process_group_of_its_own(ready: Door) -> None:
    text = ready.text(ready.run(1, "read -r _ _ _ _ group _ </proc/$$/stat; echo $$ $group"))
    pid, group = text.split()
    assert pid == group
    assert int(group) != os.getpgid(ready.pid)


def test_nothing_but_the_task_is_forked(door: Door) -> None:
    """Pids are given out in order, so the tasks' pids show how many other processes came between."""
    door.start(runner("bash", "-c", "echo $$"))
    pids = [int(door.text(door.run(n, "x" * 100))) for n in range(1, 60)]
    gaps = [b - a for a, b in pairwise(pids)]
    # Other programs fork meanwhile; but if the runner did, no gap could be 1.
    assert 1 in gaps


def test_idle_it_has_no_child(ready: Door) -> None:
    ready.run(1, "echo x")
    assert children(ready.pid) == []


@pytest.mark.parametrize(
    ("env", "argv", "says"),
    [
        ({"TMAX_PIPES": ""}, ["true"], "TMAX_PIPES is not set"),
        ({}, [], "no command given"),
        ({"TMAX_PIPES": "/nowhere"}, ["true"], "No such file or directory: '/nowhere/tasks.pipe'"),
    ],
)
def test_started_wrongly_it_says_so(
    door: Door, env: dict[str, str], argv: list[str], says: str
) -> None:
    door.launch(runner(*argv), env)
    assert door.ended() == 2
    assert says in door.pane()
