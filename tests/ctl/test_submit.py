"""`tmaxctl submit`: every way in, what is printed, and what a refusal leaves behind."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.ctl.harness import Home, Running
from tmaxd.ctl import payloads


def test_arguments_are_tasks(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "one", "two words", "ünï\n\x01")
    assert (done.code, done.out) == (0, "1\n2\n3\n")
    assert done.err == "accepted 3 tasks: 1 to 3\n"
    said = [s.payload for s in running.fleet.stories.values()]
    assert said == ["one", "two words", "ünï\n\x01"]


def test_json(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "one", "-o", "json")
    assert done.json == {"group": "check", "accepted": 1, "ranges": [[1, 1]], "existing": []}
    assert done.err == ""


@pytest.mark.parametrize("dash", [["-"], []])
def test_standard_input_is_a_task_a_line(home: Home, running: Running, dash: list[str]) -> None:
    done = home.ctl("submit", "check", *dash, stdin=b"a\n\nb c\r\nlast")
    assert (done.code, done.out) == (0, "1\n2\n3\n")
    assert [s.payload for s in running.fleet.stories.values()] == ["a", "b c\r", "last"]


def test_a_file_is_one_task_or_one_a_line(home: Home, running: Running) -> None:
    path = home.write("x\ny\n", "f.txt")
    assert home.ctl("submit", "check", "--file", str(path)).out == "1\n"
    assert home.ctl("submit", "check", "--file", str(path), "--lines").out == "2\n3\n"
    assert home.ctl("submit", "check", "--lines", stdin=b"z\n").out == "4\n"
    said = [s.payload for s in running.fleet.stories.values()]
    assert said == ["x\ny\n", "x", "y", "z"]


def test_a_slow_producer_is_not_held_back(home: Home, running: Running) -> None:
    """A line is a durable task at once, and its id is printed, though the stream goes on."""
    process = home.start("submit", "check", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        for number in (1, 2):
            process.stdin.write(b"line\n")
            process.stdin.flush()
            running.until_tasks(number)
            assert process.stdout.readline() == b"%d\n" % number
        out, _ = process.communicate(timeout=10)
    finally:
        process.kill()
    assert (process.returncode, out) == (0, b"")


def test_who_reads_no_further_ids_ends_nothing(home: Home, running: Running) -> None:
    process = home.start("submit", "check", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdin.write(b"line\n")
        process.stdin.flush()
        running.until_tasks(1)
        process.stdout.close()
        for number in (2, 3):
            process.stdin.write(b"line\n")
            process.stdin.flush()
            running.until_tasks(number)
        process.stdin.close()
        assert process.stderr is not None
        assert process.stderr.read() == b"accepted 3 tasks: 1 to 3\n"
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()
        process.stderr.close() if process.stderr else None


def test_many_lines_go_in_batches(home: Home, running: Running) -> None:
    lines = b"".join(b"task %d\n" % n for n in range(10_000))
    done = home.ctl("submit", "check", "-", "-o", "json", stdin=lines)
    assert done.json["ranges"] == [[1, 10_000]]
    assert max(running.fleet.batches) > 256
    assert running.fleet.stories[10_000].payload == "task 9999"


def test_what_makes_no_sense(home: Home, running: Running) -> None:
    path = str(home.write("x", "f.txt"))
    for args in (
        ["submit", "check", "x", "--file", path],
        ["submit", "check", "x", "--lines"],
        ["submit", "check", "x", "-"],
        ["submit", "check", "--file", path + "nosuch"],
        ["submit"],
    ):
        done = home.ctl(*args)
        assert (done.code, done.out) == (2, "")
    assert running.fleet.stories == {}


@pytest.mark.parametrize(
    ("group", "word", "message"),
    [
        ("nosuch", "unknown_group", "there is no group nosuch"),
        ("shell", "not_a_task_group", "group shell takes no tasks"),
    ],
)
def test_a_group_that_takes_none(
    home: Home, running: Running, group: str, word: str, message: str
) -> None:
    done = home.ctl("submit", group, "x", "-o", "json")
    assert (done.code, done.err) == (1, f"tmaxctl: {message}\n")
    nothing = {"accepted": 0, "ranges": [], "existing": []}
    assert done.json == {"error": word, "message": message} | nothing


def test_a_refusal_in_the_middle_says_what_went_before(home: Home, running: Running) -> None:
    lines = b"good\n" * 300 + b'"' + b"x" * (1 << 20) + b'"\n' + b"never\n" * 5
    done = home.ctl("submit", "check", stdin=lines)
    assert done.code == 1
    assert done.out == "".join(f"{n}\n" for n in range(1, 301))
    assert "line 301 has 1,048,578 bytes; the limit is 1,048,576" in done.err
    assert "(300 tasks before it accepted)" in done.err
    assert len(running.fleet.stories) == 300


def test_bytes_that_are_no_text(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "-", stdin=b"good\nbad \xff\nnever\n")
    assert (done.code, done.out) == (1, "1\n")
    assert (
        "standard input, line 2: byte 4 is not UTF-8 text; the 1 task before it went through"
        in done.err
    )
    path = home.folder / "binary"
    path.write_bytes(b"\x00\xff")
    whole = home.ctl("submit", "check", "--file", str(path))
    assert (whole.code, whole.out) == (1, "")
    argument = home.ctl("submit", "check", os.fsdecode(b"\xff"))
    assert (argument.code, argument.out) == (2, "")
    assert len(running.fleet.stories) == 1


def test_waiting(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "a", "b", "--wait")
    assert (done.code, done.out) == (0, "1\n2\n")
    assert done.err.splitlines()[-1] == "2 done, 0 dead"


def test_waiting_for_one_that_dies(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "a", "fail", "--wait")
    assert done.code == 1
    assert done.err.splitlines()[-2:] == [
        "task 2 is dead after 2 attempts: exit status 3",
        "1 done, 1 dead",
    ]
    as_json = home.ctl("submit", "check", "fail", "--wait", "-o", "json")
    assert as_json.code == 1
    assert as_json.json == {
        "group": "check",
        "accepted": 1,
        "ranges": [[3, 1]],
        "existing": [],
        "done": 0,
        "dead": 1,
        "cancelled": 0,
        "failures": [
            {
                "id": 3,
                "state": "dead",
                "attempt": 2,
                "worker": "check-1",
                "outcome": "failed",
                "error": "exit status 3",
            }
        ],
    }


def test_waiting_lasts_until_the_last_has_ended(home: Home, running: Running) -> None:
    process = home.start("submit", "check", "slow", "quick", "--wait")
    try:
        running.until_tasks(2)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.3)
        running.call(lambda: running.fleet.finish(1))
        _, err = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 0
    assert err.decode().splitlines()[-1] == "2 done, 0 dead"


def test_a_payload_that_is_too_large(home: Home, running: Running) -> None:
    path = home.write("x" * (2 << 20), "big.txt")
    says = "has 2,097,152 bytes; the limit is 1,048,576"
    file = home.ctl("submit", "check", "--file", "big.txt")
    assert file.code == 1
    assert file.err.startswith(f"tmaxctl: big.txt {says}")
    hint = f"have the command read the file itself: tmaxctl submit check {path}"
    assert file.err.splitlines()[-1] == hint
    lines = home.ctl("submit", "check", stdin=b"ok\n" + path.read_bytes())
    assert (lines.code, lines.out) == (1, "1\n")
    assert lines.err.splitlines()[-1].startswith(f"tmaxctl: standard input, line 2 {says}")
    assert "have the command" not in lines.err


def test_without_a_daemon_nothing_is_submitted(home: Home) -> None:
    done = home.ctl("submit", "check", "x", "--fleet", "demo")
    assert (done.code, done.out) == (3, "")
    assert done.err.startswith("tmaxctl: nothing was submitted: no daemon runs for fleet demo")
    assert done.err.endswith("start it with `tmaxctl up SPEC`\n")
    spec = home.write()
    home.places().state.mkdir(parents=True)
    (home.places().state / "spec_path").write_text(str(spec))
    again = home.ctl("submit", "check", "x", "--fleet", "demo")
    assert again.err.endswith(f"start it with `tmaxctl up {spec}`\n")


def test_a_line_without_end_is_not_read_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payloads, "LONGEST", 100_000)
    path = tmp_path / "f"
    path.write_bytes(b"first\n" + b"x" * 200_000)
    with path.open("rb") as file:
        source = payloads.lines_of(file.fileno(), "f")
        pieces = list(source.pieces())
    assert b"".join(pieces) == b'"first"\n'
    assert source.problem is not None
    assert source.problem.startswith("f, line 2: longer than")
