"""Waits and watches over the end of a daemon and the beginning of the next; deadlines, and Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ctl.harness import Home, Running, daemon
from tests.ctl.screen import Screen

AWAY = (
    b"the daemon of fleet demo is away; waiting for it to come back "
    b"(`tmaxctl up SPEC` starts it, Ctrl-C ends the wait)\n"
)


@contextmanager
def going(home: Home, *args: str) -> Iterator[subprocess.Popen[bytes]]:
    process = home.start(*args)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stderr is not None
    return process.stderr.readline()


def waited_for(running: Running) -> bool:
    return running.fleet.now_waiting > 0


def test_a_wait_goes_on_with_the_next_daemon(home: Home) -> None:
    home.write()
    with daemon(home) as first:
        home.ctl("submit", "check", "slow")
        process = home.start("result", "1", "--wait")
        try:
            first.until(lambda: waited_for(first))
            first.stop()
            assert line_of(process) == AWAY
            with daemon(home) as second:
                second.fleet.stories = first.fleet.stories
                second.until(lambda: waited_for(second))
                second.call(lambda: second.fleet.finish(1))
                out, err = process.communicate(timeout=10)
        finally:
            process.kill()
    assert (process.returncode, out) == (0, b"at last")
    assert err.startswith(b"it is back after ")
    assert err.count(b"\n") == 1


def test_submit_waits_on_and_counts_each_end_once(home: Home) -> None:
    home.write()
    args = ("submit", "check", "slow", "quick", "fail", "--wait")
    with daemon(home) as first, going(home, *args) as process:
        first.until_tasks(3)
        first.until(lambda: waited_for(first))
        first.stop()
        assert line_of(process) == b"accepted 3 tasks: 1 to 3\n"
        assert line_of(process) == AWAY
        with daemon(home) as second:
            second.fleet.stories = first.fleet.stories
            second.until(lambda: waited_for(second))
            second.call(lambda: second.fleet.finish(1))
            _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert err.splitlines()[-1] == b"2 done, 1 dead"


def test_where_there_never_was_a_daemon_nothing_is_waited_for(home: Home) -> None:
    done = home.ctl("result", "1", "--wait", "--fleet", "demo")
    assert done.code == 3
    assert "no daemon runs for fleet demo" in done.err


def test_a_daemon_that_breaks_off_every_answer(home: Home, running: Running) -> None:
    """It is there, so it is not waited for; the wait ends after a few tries."""
    with going(home, "submit", "check", "slow", "--wait") as process:
        running.until_tasks(1)
        running.fleet.broken = RuntimeError("a bug")
        running.call(running.fleet.changed.set)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 3
    assert b"the task goes on: `tmaxctl result 1 --wait`" in err
    assert b"is away" not in err


def test_a_deadline(home: Home, running: Running) -> None:
    one = home.ctl("submit", "check", "slow", "--wait", "--timeout", "50ms")
    assert (one.code, one.out) == (4, "")
    assert one.err == (
        "accepted 1 task: 1\n"
        "tmaxctl: no longer waiting, after 50ms; the task goes on: `tmaxctl result 1 --wait`\n"
    )
    two = home.ctl("submit", "check", "slow", "slow", "--wait", "--timeout", "50ms", "-o", "json")
    assert (two.code, two.json["error"], two.json["ranges"]) == (4, "timeout", [[2, 2]])
    again = home.ctl("result", "1", "--wait", "--timeout", "50ms")
    assert again.code == 4
    assert again.err.startswith("tmaxctl: no longer waiting, after 50ms; the task goes on")


def test_a_deadline_while_the_daemon_is_away(home: Home) -> None:
    home.write()
    with daemon(home) as first:
        home.ctl("submit", "check", "slow")
        with going(home, "result", "1", "--wait", "--timeout", "1500ms") as process:
            first.until(lambda: waited_for(first))
            first.stop()
            _, err = process.communicate(timeout=10)
    assert process.returncode == 4
    assert b"after 1.5s; the daemon is away; the task goes on: `tmaxctl result 1 --wait" in err


def test_a_timeout_is_about_waiting(home: Home) -> None:
    for args in (["result", "1"], ["submit", "check", "x"], ["tasks"]):
        done = home.ctl(*args, "--timeout", "1s")
        assert done.code == 2
        assert "--timeout is how long to" in done.err


def test_who_ends_the_wait_is_told_how_to_go_on(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "slow")
    with going(home, "result", "1", "--wait") as process:
        running.until(lambda: waited_for(running))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=10)
    assert process.returncode == 1
    assert err == (b"tmaxctl: no longer waiting; the task goes on: `tmaxctl result 1 --wait`\n")


def test_a_piped_watch_goes_on(home: Home) -> None:
    home.write()
    with daemon(home) as first:
        home.ctl("submit", "check", "slow one")
        with going(home, "tasks", "--watch") as process:
            assert process.stdout is not None
            assert b"slow one" in process.stdout.readline()
            first.stop()
            assert line_of(process) == AWAY
            with daemon(home) as second:
                second.fleet.stories = first.fleet.stories
                assert line_of(process).startswith(b"it is back after ")
                second.call(lambda: second.fleet.finish(1))
                assert b"done" in process.stdout.readline()
                process.send_signal(signal.SIGINT)
                process.communicate(timeout=10)
    assert process.returncode == 0


def test_a_watch_has_an_end_where_one_is_given(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow")
    done = home.ctl("tasks", "--watch", "--timeout", "100ms")
    assert (done.code, done.err) == (0, "")
    assert done.out.count("\n") == 1
    with Screen(home, "tasks", "--watch", "--timeout", "100ms") as screen:
        assert screen.finish() == 0
        assert "slow" in screen.text


def test_the_last_picture_stays(home: Home) -> None:
    home.write()
    with daemon(home) as first:
        home.ctl("submit", "check", "slow one")
        with Screen(home, "tasks", "--watch") as screen:
            screen.until("slow one")
            first.stop()
            screen.until("the daemon has been away for ")
            screen.until("below is what it said last")
            with daemon(home) as second:
                second.fleet.stories = first.fleet.stories
                second.call(lambda: second.fleet.finish(1))
                screen.until("done")
                screen.type("q")
                assert screen.finish() == 0
