"""What may be asked for a task at its submission, keys, and the result of one task in place of its id."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime

import pytest

from tests.ctl.harness import Home, Running
from tmaxd.tasks.records import Options


def test_options_reach_the_daemon(home: Home, running: Running) -> None:
    args = ("--priority", "-3", "--after", "5m", "--affinity", "tenant 7", "--expires", "1h")
    before = time.time()
    done = home.ctl("submit", "check", "x", "y", *args)
    after = time.time()
    assert (done.code, done.out) == (0, "1\n2\n")
    (options,) = running.fleet.asked
    assert options.due is not None
    assert before + 300 <= options.due <= after + 300
    assert options == Options(
        priority=-3, affinity="tenant 7", due=options.due, expires=options.due + 3600
    )


def test_a_time_of_day_is_local_unless_it_names_a_zone(home: Home, running: Running) -> None:
    home.more_env["TZ"] = "XXX-3"
    year = datetime.now(UTC).year + 1
    for written in (f"{year}-12-01 08:00", f"{year}-12-01T06:00:30+01:00"):
        assert home.ctl("submit", "check", "x", "--at", written).code == 0
    due = [datetime.fromtimestamp(o.due or 0.0, UTC).isoformat() for o in running.fleet.asked]
    assert due == [f"{year}-12-01T05:00:00+00:00", f"{year}-12-01T05:00:30+00:00"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (
            ["--at", "2020-02-29 08:00"],
            "was read as Saturday, 2020-02-29 08:00:00 UTC+0000, which",
        ),
        (["--at", "tomorrow"], "`tomorrow` is not a time: write it as '2026-12-01 08:00'"),
        (["--at", "2999-01-01", "--after", "5m"], "--after and --at both say when"),
        (["--after", "5"], "'5' is not a duration: write 30s"),
        (["--priority", "11"], "11 is not in the range -10<=x<=10"),
        (["--max-queue", "0"], "0 is not in the range x>=1"),
        (["two", "--key", "k"], "--key is one task's"),
        (["--key", ""], "key=: must have 1 to 200 characters"),
    ],
)
def test_what_makes_no_sense(home: Home, running: Running, args: list[str], message: str) -> None:
    done = home.ctl("submit", "check", "x", *args)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())
    assert running.fleet.stories == {}


def test_a_key_is_one_task(home: Home, running: Running) -> None:
    assert home.ctl("submit", "check", "slow", "--key", "nightly").out == "1\n"
    again = home.ctl("submit", "check", "slow", "--key", "nightly")
    assert (again.code, again.out) == (0, "1\n")
    assert again.err == "key nightly is known: it is task 1, queued; nothing new was submitted\n"
    as_json = home.ctl("submit", "check", "slow", "--key", "nightly", "-o", "json")
    assert as_json.json == {
        "group": "check",
        "accepted": 0,
        "ranges": [],
        "existing": [1],
        "existing_states": ["queued"],
    }
    other = home.ctl("submit", "check", "slow too", "--key", "nightly")
    assert (other.code, other.out) == (1, "")
    assert other.err == "tmaxctl: key nightly is of task 1\n"
    assert len(running.fleet.stories) == 1


def test_a_key_whose_task_is_over(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "--key", "k")
    home.ctl("cancel", "1")
    assert home.ctl("submit", "check", "slow", "--key", "k").err == (
        "key k is known: it is task 1, cancelled; nothing new was submitted; use another key, or "
        "`tmaxctl retry 1` to have it tried again\n"
    )
    home.ctl("submit", "check", "quick", "--key", "done")
    assert home.ctl("submit", "check", "quick", "--key", "done").err == (
        "key done is known: it is task 2, done; nothing new was submitted (`tmaxctl result 2` prints "
        "its result)\n"
    )


def test_a_full_queue_refuses(home: Home, running: Running) -> None:
    assert home.ctl("submit", "check", "slow", "slow", "--max-queue", "2").code == 0
    done = home.ctl("submit", "check", "slow", "--max-queue", "2", "-o", "json")
    assert (done.code, done.json["error"]) == (1, "queue_full")
    assert done.err == "tmaxctl: 2 tasks wait in check, and 2 may\n"


def test_the_result_of_one_task_stands_in_place_of_its_id(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "one\ttab", "--wait")
    assert (done.code, done.out, done.err) == (0, "did one\ttab", "accepted 1 task: 1\n")
    as_json = home.ctl("submit", "check", "two", "--wait", "-o", "json").json
    assert (as_json["result"], as_json["done"], as_json["failures"]) == ("did two", 1, [])
    lines = home.ctl("submit", "check", "--wait", stdin=b"three\n")
    assert lines.out == "3\n", "of standard input nobody knows how many it will be"
    whole = home.ctl("submit", "check", "--file", "-", "--wait", stdin=b"a\nb\n")
    assert whole.out == "did a\nb\n"
    assert running.fleet.stories[4].payload == "a\nb\n"


def test_one_task_without_a_result(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", "fail", "--wait")
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines()[1:] == ["task 1 is dead after 2 attempts: exit status 3"]


def test_a_task_that_is_cancelled_while_it_is_waited_for(home: Home, running: Running) -> None:
    process = home.start("submit", "check", "slow", "--wait", "-o", "json")
    try:
        running.until_tasks(1)
        assert home.ctl("cancel", "1").code == 0
        out, err = process.communicate(timeout=10)
    finally:
        process.kill()
    assert process.returncode == 1
    assert b'"done": 0, "dead": 0, "cancelled": 1' in out
    assert err == b""


def test_the_key_of_a_task_that_has_ended_gives_its_result(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "once", "--key", "k")
    done = home.ctl("submit", "check", "once", "--key", "k", "--wait")
    assert (done.code, done.out) == (0, "did once")


def test_lines_are_numbered_as_in_the_file(home: Home, running: Running) -> None:
    done = home.ctl("submit", "check", stdin=b"one\n\n" + b"x" * (1 << 20) + b"x\n")
    assert done.code == 1
    assert "line 3 has 1,048,577 bytes" in done.err
    assert done.out == "1\n"


def test_a_daemon_that_goes_away_leaves_what_is_known(home: Home, running: Running) -> None:
    process = home.start("submit", "check", "-", stdin=subprocess.PIPE)
    assert process.stdin is not None
    try:
        process.stdin.write(b"line\n")
        process.stdin.flush()
        running.until_tasks(1)
        running.stop()
        out, err = process.communicate(b"more\n", timeout=10)
    finally:
        process.kill()
    assert (process.returncode, out) == (3, b"1\n")
    assert b"accepted 1 task: 1\n" in err
    assert b"went away while it was asked" in err
