"""`cancel` and `retry`: which tasks, what is said of each, and when it counts as a failure."""

from __future__ import annotations

import pytest

from tests.ctl.fake_fleet import group, status
from tests.ctl.harness import Home, Running
from tests.ctl.screen import Screen
from tmaxd.daemon.api.types import Leftover


def states(running: Running) -> list[str]:
    return [story.task.state for _, story in sorted(running.fleet.stories.items())]


def test_cancel_one_by_one(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "long", "quick")
    done = home.ctl("cancel", "1..2")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "task 1 is cancelled",
        "task 2 runs; its worker is asked to end it (`tmaxctl task 2` shows what comes of it)",
    ]
    late = home.ctl("cancel", "1", "3", "9")
    assert (late.code, late.out) == (1, "")
    assert late.err.splitlines() == [
        "task 1 is cancelled already: there is nothing left to cancel",
        "task 3 is done already: there is nothing left to cancel",
        "there is no task 9",
    ]
    assert states(running) == ["cancelled", "running", "done"]


def test_a_disk_that_cannot_be_read_changes_nothing(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "slow")
    running.fleet.unreadable = {2}
    done = home.ctl("cancel", "1", "2")
    assert (done.code, done.out) == (1, "task 1 is cancelled\n")
    assert done.err.startswith("task 2: nothing was changed")
    as_json = home.ctl("cancel", "1..2", "-o", "json")
    assert as_json.code == 1
    assert as_json.json == {
        "tasks": [{"id": 1, "verdict": "ended"}, {"id": 2, "verdict": "unreadable"}],
        "counts": {"ended": 1, "unreadable": 1},
    }


def test_cancel_a_group(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "long", "quick", "fail")
    assert home.ctl("cancel", "--group", "check", "--state", "queued,delayed").out == (
        "task 1 is cancelled\n"
    )
    rest = home.ctl("cancel", "--group", "check")
    assert (rest.code, rest.out.splitlines()[0][:11]) == (0, "task 2 runs")
    none = home.ctl("cancel", "--group", "check", "--state", "queued")
    assert (none.code, none.out) == (0, "group check has no task that is queued\n")


def test_a_group_without_tasks(home: Home, running: Running) -> None:
    for name in ("nosuch", "shell"):
        done = home.ctl("cancel", "--group", name, "-o", "table")
        assert (done.code, done.out) == (1, "")
        assert done.err == (f"tmaxctl: no group {name} has tasks; groups that take them: check\n")
    running.fleet.now = status(leftovers=(Leftover(group="old", queued=2),))
    assert home.ctl("retry", "--group", "old").out == "group old has no task that is dead\n"


def test_many_are_summed_up(home: Home, running: Running) -> None:
    home.ctl("submit", "check", stdin=b"slow\n" * 1500)
    home.ctl("submit", "check", stdin=b"quick\n" * 30)
    done = home.ctl("cancel", "1..1530")
    assert done.code == 1
    assert done.out == "1,530 tasks: 1,500 cancelled, 30 were over already\n"
    assert len(done.err.splitlines()) == 21
    assert done.err.splitlines()[-1] == "… and 10 more; see tmaxctl tasks"
    again = home.ctl("retry", "--group", "check", "--state", "cancelled")
    assert (again.code, again.out) == (0, "1,500 tasks: 1,500 wait again\n")


def test_retry(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "fail", "slow", "quick")
    home.ctl("cancel", "2")
    done = home.ctl("retry", "1", "2", "3")
    assert done.code == 1
    assert done.out.splitlines() == [
        "task 1 waits again, with all its attempts before it",
        "task 2 waits again, with all its attempts before it",
    ]
    assert done.err == "task 3 is done and has a result; to have it done again, submit it anew\n"
    again = home.ctl("retry", "1")
    assert (again.code, again.out) == (1, "")
    assert again.err == "task 1 is queued: it is not over yet, so there is nothing to retry\n"


def test_retry_of_a_group_means_the_dead_ones(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "fail", "slow", "fail")
    home.ctl("cancel", "2")
    done = home.ctl("retry", "--group", "check")
    assert [line.split()[1] for line in done.out.splitlines()] == ["3", "1"]
    assert states(running) == ["queued", "cancelled", "queued"]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "which tasks?"),
        (["1", "--group", "check"], "task ids or --group, not both"),
        (["1", "--state", "dead"], "--state"),
        (["--group", "check", "--state", "done"], "`done`: choose of"),
        (["five"], "`five` is no task id: write 17, or 5..9 for several"),
        (["9..5"], "`9..5` runs backwards: write 5..9"),
        (["0"], "task ids go from 1 to"),
        (["1..99999999999999999999"], "is no task id"),
    ],
)
@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_what_makes_no_sense(
    home: Home, running: Running, verb: str, args: list[str], message: str
) -> None:
    done = home.ctl(verb, *args)
    assert (done.code, done.out) == (2, "")
    assert message in " ".join(done.err.split())


def test_a_terminal_is_asked_before_several_are_touched(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow", "slow")
    running.fleet.now = status(groups=(group("check", queued=2, done=7),))
    with Screen(home, "cancel", "--group", "check") as screen:
        screen.until("cancel 2 tasks of check that are queued or delayed or sent or running? [y/N]")
        screen.type("n\n")
        assert screen.finish() == 1
        assert "nothing was changed" in screen.text
    assert states(running) == ["queued", "queued"]
    with Screen(home, "cancel", "--group", "check") as screen:
        screen.until("[y/N]")
        screen.type("y\n")
        assert screen.finish() == 0
    assert states(running) == ["cancelled", "cancelled"]
    running.fleet.now = status(groups=(group("check", cancelled=2),))
    with Screen(home, "retry", "--group", "check", "--state", "cancelled", "--yes") as screen:
        assert screen.finish() == 0
    assert states(running) == ["queued", "queued"]


def test_a_terminal_is_asked_before_many_ids_are_touched(home: Home, running: Running) -> None:
    home.ctl("submit", "check", stdin=b"slow\n" * 30)
    with Screen(home, "cancel", "1..20") as screen:
        assert screen.finish() == 0
        assert "[y/N]" not in screen.text
    with Screen(home, "retry", "1..15", "17..5000") as screen:
        screen.until("retry up to 4,999 tasks (1..15, 17..5000)? [y/N]")
        screen.type("n\n")
        assert screen.finish() == 1
    with Screen(home, "cancel", "1..30", "--yes") as screen:
        assert screen.finish() == 1, "20 of them are over already"
    assert states(running) == ["cancelled"] * 30


def test_one_task_of_a_group_needs_no_asking(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow")
    running.fleet.now = status(groups=(group("check", queued=1),))
    with Screen(home, "cancel", "--group", "check") as screen:
        assert screen.finish() == 0
        assert "[y/N]" not in screen.text
