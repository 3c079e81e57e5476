"""`tmaxctl tasks`: filters, pages, and the watch on what changes."""

from __future__ import annotations

import json
import subprocess
import time
from typing import IO

import pytest

from tests.ctl.harness import Home, Running, conforms, daemon
from tests.ctl.screen import Screen


def listed(home: Home, *args: str) -> list[int]:
    done = home.ctl("tasks", *args, "-o", "json")
    conforms(done.json, "TaskList")
    return [row["id"] for row in done.json["tasks"]]


def test_the_list(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "a b", "fail\nhere", "slow")
    done = home.ctl("tasks")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [
        ["3", "check", "queued"],
        ["2", "check", "dead"],
        ["1", "check", "done"],
    ]
    assert "fail\\nhere  (exit status 3)" in lines[2]


def test_filters(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "quick", "fail", "slow", "made 1")
    home.ctl("submit", "check", "slow", "--key", "nightly")
    assert listed(home, "--state", "done,queued", "--state", "dead") == [5, 4, 3, 2, 1]
    assert listed(home, "--state", "done,queued", "--limit", "1") == [5]
    assert listed(home, "--key", "nightly") == [5]
    assert listed(home, "--source", "1") == [4]
    assert listed(home, "--worker", "check-1", "--state", "dead") == [2]
    assert listed(home, "--worker", "check-2") == []
    assert home.ctl("tasks", "--group", "nosuch").out == "no tasks\n"


def test_pages(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "one", "two", "three")
    first = home.ctl("tasks", "--group", "check", "--state", "done,dead", "--limit", "2")
    older = "tmaxctl tasks --group check --state done,dead --limit 2 --before 2"
    assert first.err == f"older ones: {older}\n"
    last = home.ctl(*older.split()[1:])
    assert [line.split()[0] for line in last.out.splitlines()[1:]] == ["1"]
    assert last.err == ""
    assert home.ctl("tasks", "--limit", "3").err == "", "there is none before task 1"


def test_hints_name_the_fleet_where_several_run(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "one", "two")
    with daemon(home, "other"):
        done = home.ctl("tasks", "--fleet", "demo", "--limit", "1")
        assert done.err == "older ones: tmaxctl tasks --limit 1 --before 2 --fleet demo\n"
        home.more_env["TMAX_FLEET"] = "demo"
        assert home.ctl("tasks", "--limit", "1").err.endswith("--limit 1 --before 2\n")


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--state", "done,lost"], "`lost`: choose of queued, delayed, sent, running, done, dead"),
        (["--limit", "1001"], "1001 is not in the range"),
        (["--worker", "check"], "`check` is not a worker's name"),
        (["--watch", "--before", "7"], "--watch is about the newest tasks"),
    ],
)
def test_what_makes_no_sense(home: Home, running: Running, args: list[str], message: str) -> None:
    done = home.ctl("tasks", *args)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())


def line_of(stream: IO[bytes] | None) -> str:
    assert stream is not None
    return stream.readline().decode()


def test_watch_piped_prints_what_changes(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "quick")
    process = home.start("tasks", "--watch")
    try:
        first = [line_of(process.stdout).split()[1:4] for _ in range(2)]
        assert first == [["1", "check", "queued"], ["2", "check", "done"]]
        running.call(lambda: running.fleet.finish(1))
        assert line_of(process.stdout).split()[1:4] == ["1", "check", "done"]
        home.ctl("submit", "check", "new\none")
        assert line_of(process.stdout).split()[1:] == [
            "3",
            "check",
            "done",
            "1",
            "check-1",
            "new\\none",
        ]
        process.send_signal(2)
        assert process.communicate(timeout=10) == (b"", b"")
        assert process.returncode == 0
    finally:
        process.kill()
        process.communicate()


def test_watch_misses_no_task_of_a_burst(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "first")
    process = home.start("tasks", "--watch", "--limit", "2", "-o", "json", stdin=subprocess.DEVNULL)
    try:
        assert json.loads(line_of(process.stdout))["id"] == 1
        home.ctl("submit", "check", *("x",) * 7)
        seen = [json.loads(line_of(process.stdout)) for _ in range(7)]
        assert [row["id"] for row in seen] == [2, 3, 4, 5, 6, 7, 8]
    finally:
        process.kill()
        process.communicate()


def test_watch_draws_in_place_and_q_ends_it_at_once(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow")
    with Screen(home, "tasks", "--watch") as screen:
        screen.until("queued")
        running.call(lambda: running.fleet.finish(1))
        screen.until("done")
        began = time.monotonic()
        screen.type("xq")
        assert screen.finish() == 0
        assert time.monotonic() - began < 5
        assert screen.text.endswith("\x1b[?7h\r\n")
        assert "q" not in screen.text.rpartition("\x1b[?7h")[2], "keys are not shown"
        assert screen.echoes(), "the terminal is as it was"
