"""`tmaxctl cleanup`: as a process, against the real API with a made-up fleet; and its lines."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from tests.ctl.fake_fleet import status
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running, conforms
from tmaxd.ctl.render_cleanup import planned, runs
from tmaxd.ctl.text import plain
from tmaxd.ctl.verbs.cleanup import KINDS
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import (
    CleanedUp,
    CleanupItem,
    CleanupRun,
    CleanupStatus,
    CleanupWish,
)
from tmaxd.spec.upkeep import What


def went(name: str, count: int, **changes: Any) -> CleanupRun:
    values: dict[str, Any] = {
        "what": name.split()[0],
        "dry": False,
        "bytes": count * 1000,
        "seconds": 1.5,
    }
    return CleanupRun(name=name, count=count, **(values | changes))


DRY = went("files /x/*", 40, dry=True, unapplied=True,
           items=tuple(CleanupItem(f"/x/{n}\n", 1000, "") for n in range(40)))  # fmt: skip


def lines(*some: CleanupRun, width: int | None = None) -> list[str]:
    return runs([msgspec.to_builtins(run) for run in some], plain, width)


def test_what_went(home: Home, running: Running) -> None:
    items = (CleanupItem("tasks 1 to 1200", 0, "check"),)
    running.fleet.cleaned = CleanedUp(runs=(went("tasks", 1200, items=items), went("logs", 0)))
    done = home.ctl("cleanup")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "tasks  1,200 gone, 1.14 MiB, in 1.5s",
        "  tasks 1 to 1200  check",
        "  …",
        "logs   nothing to remove",
    ]
    assert running.fleet.wished == [CleanupWish()]


def test_what_is_asked(home: Home, running: Running) -> None:
    done = home.ctl("cleanup", "tasks", "dead", "--dry-run", "--ttl", "2h", "-o", "json")
    assert done.code == 0
    conforms(done.json, "CleanedUp")
    assert running.fleet.wished == [CleanupWish(what=("tasks", "dead"), dry=True, ttl=7200.0)]


def test_what_was_left_ends_with_1(home: Home, running: Running) -> None:
    left = went(
        "logs",
        1,
        problems=("logs/a-1.log.1 cannot be removed: Permission denied",),
        more_problems=3,
    )
    running.fleet.cleaned = CleanedUp(runs=(left,))
    done = home.ctl("cleanup")
    assert done.code == 1
    assert "  left: logs/a-1.log.1 cannot be removed: Permission denied" in done.out.splitlines()
    assert "  left: 3 more, for causes of their own" in done.out.splitlines()


def test_a_kind_that_there_is_not(home: Home, running: Running) -> None:
    done = home.ctl("cleanup", "everything")
    assert done.code == 2
    assert "'everything' is not one of 'tasks', 'dead'" in done.err
    assert running.fleet.wished == []


def test_the_daemons_no_is_a_wrong_usage(
    home: Home, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no(wish: CleanupWish) -> CleanedUp:
        raise Denied("bad_cleanup", "`ttl` means nothing to orphans")

    monkeypatch.setattr(running.fleet, "cleanup", no)
    done = home.ctl("cleanup", "orphans", "--ttl", "1h")
    assert done.code == 2
    assert "`ttl` means nothing to orphans" in done.err


def test_without_a_daemon(home: Home) -> None:
    assert home.ctl("cleanup", "tasks").code == 3


def test_the_kinds_are_those_of_the_spec() -> None:
    assert set(KINDS) == set(get_args(What))


def test_a_dry_run_names_more_and_says_why() -> None:
    found = lines(DRY, width=60)
    assert found[0] == "files /x/*  40 would go, 39.1 KiB (its entry does not say `apply: true`)"
    assert found[1] == "  /x/0\\n  0.98 KiB"
    assert len(found) == 1 + 20 + 1


def test_lines_of_items_fit() -> None:
    long = went("files", 1, items=(CleanupItem("/very" * 40, 5000, "gone"),))
    assert all(len(line) <= 50 for line in lines(long, width=50)[1:])


def test_schedules_in_the_status(home: Home, running: Running) -> None:
    soon = CleanupStatus(
        name="tasks", what="tasks", next=START + 90, last=START - 60, count=7, bytes=2048
    )
    off = CleanupStatus(name="logs", what="logs", next=None, last=None, problem="the disk is full")
    ours = CleanupStatus(name="orphans", what="orphans", built_in=True, next=START, last=None)
    running.fleet.now = status(cleanups=(soon, off, ours))
    done = home.ctl("status")
    assert "CLEANUP" in done.out
    assert "orphans" not in done.out
    table = planned([msgspec.to_builtins(one) for one in (soon, off)], START, plain, None)
    assert [line.split() for line in table] == [
        ["CLEANUP", "NEXT", "LAST", "WENT", "PROBLEM"],
        ["tasks", "in", "1m30s", "1m00s", "ago", "7,", "2.00", "KiB"],
        ["logs", "off", "-", "-", "the", "disk", "is", "full"],
    ]
