"""`tmaxctl flags`: what is shown of them, and how one is set."""

from __future__ import annotations

import subprocess
import sys
import time
from typing import Any

import msgspec
import pytest

from tests.ctl.fake_fleet import status
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running, conforms
from tmaxd.ctl.render_flags import changed, explained, flags, overridden
from tmaxd.ctl.render_status import status as render_status
from tmaxd.ctl.text import columns_of
from tmaxd.spec.flags import FLAGS

NOW = START + 7200.0


def override(**changes: Any) -> dict[str, Any]:
    found = {"flag": "batching", "value": False, "file": True, "instead": True, "at": START}
    return {**found, "until": NOW + 572.0, **changes}


def row(**changes: Any) -> dict[str, Any]:
    found = {"name": "batching", "value": True, "since": START, "file": None, "default": True}
    words = {"override": None, "owner": "window", "about": "Many at once.", "off": "One by one."}
    return {**found, **words, **changes}


def test_the_table() -> None:
    rows = [
        row(),
        row(name="hot_reload", value=False, file=False),
        row(name="session_pool", value=False, file=True, override=override(), since=None),
        row(name="auto_rollback", override=override(value=True, until=None)),
    ]
    assert flags(rows, NOW) == [
        "FLAG           IS   IN FILE    FOR  SET BY AN ORDER  OWNER   WHAT IT DOES",
        "batching       on   -        2h00m                   window  Many at once.",
        "hot_reload     off  off      2h00m                   window  Many at once.",
        "session_pool   off  on              off, 9m32s left  window  Many at once.",
        "auto_rollback  on   -        2h00m  on, no end       window  Many at once.",
    ]
    narrow = flags(rows, NOW, width=40)
    assert max(map(columns_of, narrow)) <= 40
    assert "off, 9m32s left" in narrow[3], "what somebody has to know goes last"


def test_one_at_length() -> None:
    lines = explained(row(value=False, file=True, override=override()), NOW, lambda _: "noon")
    assert lines == [
        "batching is off since noon",
        "  on: Many at once.",
        "  off: One by one.",
        "  the file says on; by default it is on; it belongs to `window`",
        "  batching is set to off by an order for another 9m32s; the file says on",
    ]


def test_what_holds_when_it_is_over() -> None:
    assert overridden(override(until=None, file=None, instead=False), NOW) == (
        "batching is set to off by an order until `tmaxctl flags unset batching`, or the file says something "
        "else of it; by default it is off"
    )


@pytest.mark.parametrize(
    ("outcome", "file", "said"),
    [
        ("unset", None, "batching is on again, by default"),
        ("unset", True, "batching is on again, as the file says"),
        ("no_change", True, "no change: batching is on, as the file says"),
    ],
)
def test_what_came_of_it(outcome: str, file: bool | None, said: str) -> None:
    assert changed({"outcome": outcome, "flag": row(file=file)}, NOW) == said


def test_the_status_tells_while_it_holds() -> None:
    value = msgspec.to_builtins(status())
    value["flags"] = [override()]
    said = "batching is set to off by an order for another 9m32s; the file says on"
    assert said in render_status(value, NOW)


def test_the_status_tells_of_a_file_that_waits() -> None:
    value = msgspec.to_builtins(status())
    value["spec"]["state"] = "waiting"
    assert (
        "/home/u/tmax.yaml says something else, which waits for `tmaxctl reload` (hot_reload is off); "
        "revision 3 stays in force"
    ) in render_status(value, NOW)


def test_all_are_listed(home: Home, running: Running) -> None:
    running.fleet.flagged.in_file = {"hot_reload": False}
    lines = home.ctl("flags").out.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(FLAGS)
    assert next(line.split()[1:3] for line in lines if "hot_reload" in line) == ["off", "off"]
    value = home.ctl("flags", "-o", "json").json
    conforms(value, "FlagList")
    assert [one["name"] for one in value["flags"]] == list(FLAGS)


def test_one_is_explained(home: Home, running: Running) -> None:
    done = home.ctl("flags", "--explain", "batching")
    assert done.out.startswith("batching is on since ")
    assert FLAGS["batching"].off in done.out
    conforms(home.ctl("flags", "--explain", "batching", "-o", "json").json, "FlagStatus")
    done = home.ctl("flags", "--explain", "nothing")
    assert (done.code, "there is no flag nothing; there are: parallel_spawn," in done.err) == (
        1,
        True,
    )


def test_one_is_set_and_taken_back(home: Home, running: Running) -> None:
    fake = running.fleet.flagged
    fake.until = time.time() + 600.0
    done = home.ctl("flags", "set", "batching", "off", "--for", "10m")
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("batching is set to off by an order for another ")
    value = home.ctl("flags", "set", "batching", "on", "-o", "json").json
    conforms(value, "FlagChanged")
    home.ctl("flags", "unset", "batching")
    assert [(c.flag, c.value, c.for_) for c in fake.changes] == [
        ("batching", False, 600.0),
        ("batching", True, None),
        ("batching", None, None),
    ]
    assert home.ctl("flags", "unset", "batching").out.startswith("no change: ")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("set", "nothing", "on"), 1, "there is no flag nothing"),
        (("set", "batching", "maybe"), 2, "'maybe' is not one of 'on', 'off'"),
        (("set", "batching", "on", "--for", "long"), 2, "'long' is not a duration"),
        (("set", "batching", "on", "--for", "0s"), 2, "for"),
        (("-o", "json", "set", "batching", "on"), 2, "after the word"),
        (("--fleet", "demo", "unset", "batching"), 2, "after the word"),
        (("--explain", "batching", "unset", "batching"), 2, "after the word"),
    ],
)
def test_what_cannot_be_asked(
    home: Home, running: Running, args: tuple[str, ...], code: int, said: str
) -> None:
    done = home.ctl("flags", *args)
    assert (done.code, said in done.err) == (code, True), done.err
    assert running.fleet.flagged.changes == []


def test_names_are_completed(home: Home) -> None:
    words = {"COMP_WORDS": "tmaxctl flags set memory_", "COMP_CWORD": "3"}
    done = subprocess.run(
        [sys.executable, "-m", "tmaxd.ctl.main"],
        env=home.env | {"_TMAXCTL_COMPLETE": "bash_complete"} | words,
        cwd=home.folder,
        capture_output=True,
        check=False,
    )
    assert done.stdout.decode().split() == ["plain,memory_governor", "plain,memory_forecast"]
