"""Every verb that only asks: as a process, against the real API with a made-up fleet."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from typing import Any

import msgspec
import pytest

from tests.ctl.fake_fleet import PROBLEM, marked, status, worker
from tests.ctl.fake_story import START
from tests.ctl.harness import Home, Running, conforms, daemon
from tmaxd.ctl.api import Api
from tmaxd.ctl.errors import TimedOut
from tmaxd.ctl.main import VERBS, group
from tmaxd.daemon.api.types import ReloadResult, SpecStatus
from tmaxd.ports import JournalError


def test_status_as_a_table(home: Home, running: Running) -> None:
    done = home.ctl("status")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[0].startswith("demo   revision 3   converged   tmaxd 0.1.0 pid ")
    assert [line.split()[0] for line in lines[6:]] == ["WORKER", "check-1", "check-2", "shell-1"]
    assert "\x1b" not in done.out


def test_status_as_json(home: Home, running: Running) -> None:
    done = home.ctl("status", "-o", "json")
    assert done.code == 0
    conforms(done.json, "Status")
    assert [w["name"] for w in done.json["workers"]] == ["check-1", "check-2", "shell-1"]


def test_status_shows_a_rejected_spec(home: Home, running: Running) -> None:
    spec = SpecStatus(
        path="/x/tmax.yaml", state="rejected", revision=3, applied=START, problems=(PROBLEM,)
    )
    running.fleet.now = status(spec=spec)
    done = home.ctl("status")
    assert "/x/tmax.yaml is rejected; revision 3 stays in force:" in done.out
    assert "  " + PROBLEM.text.splitlines()[1] in done.out.splitlines()


def test_status_watch_as_json_gives_a_line_a_second(home: Home, running: Running) -> None:
    process = home.start("status", "--watch", "-o", "json")
    assert process.stdout is not None
    try:
        first = json.loads(process.stdout.readline())
        running.fleet.now = status(converged=False)
        second = json.loads(process.stdout.readline())
        process.send_signal(2)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.communicate()
    assert (first["converged"], second["converged"]) == (True, False)


def test_status_watch_needs_a_terminal(home: Home, running: Running) -> None:
    done = home.ctl("status", "--watch")
    assert (done.code, done.out) == (2, "")
    assert "draws on a terminal" in done.err


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        ("applied", 0, "revision 4 is applied; converged"),
        ("no_change", 0, "no change: revision 4 stays in force; converged"),
        ("timeout", 4, "revision 4 is applied; not converged yet, it goes on"),
        ("rejected", 2, "rejected; revision 4 stays in force"),
    ],
)
def test_reload(home: Home, running: Running, outcome: str, code: int, words: str) -> None:
    result = {"outcome": outcome, "revision": 4, "converged": True, "warnings": [PROBLEM]}
    running.fleet.reload_result = msgspec.convert(result, ReloadResult)
    table = home.ctl("reload", "--wait", "1m30s")
    as_json = home.ctl("reload", "-o", "json")
    assert (table.code, as_json.code) == (code, code)
    assert table.out == words + "\n"
    assert table.err == marked("warning")
    conforms(as_json.json, "ReloadResult")
    assert running.fleet.waits == [90.0, 10.0]


BACK = {"group": "check", "revision": 4, "to": 3, "message": "check-1 was not ready", "at": 0.0}
LOST = {"worker": "check-1", "state": "quarantined", "reason": "crashed", "message": "status 3"}


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (
            {"outcome": "change_failed", "failed_changes": [BACK]},
            [
                "revision 4 is in force but in part; converged",
                "check was rolled back: revision 4 failed (check-1 was not ready); revision 3 holds for it "
                "until the file says something else",
            ],
        ),
        (
            {"outcome": "failed", "failed": [LOST]},
            [
                "revision 4 is in force; not all workers are as it says",
                "  check-1: quarantined: status 3",
            ],
        ),
    ],
)
def test_a_reload_whose_change_fails(
    home: Home, running: Running, result: dict[str, Any], lines: list[str]
) -> None:
    result = {"revision": 4, "converged": True, **result}
    running.fleet.reload_result = msgspec.convert(result, ReloadResult)
    table, as_json = home.ctl("reload"), home.ctl("reload", "-o", "json")
    assert (table.code, as_json.code) == (1, 1)
    assert table.out.splitlines() == lines
    conforms(as_json.json, "ReloadResult")


def test_a_reload_names_who_is_pinned(home: Home, running: Running) -> None:
    running.fleet.reload_result = ReloadResult(
        outcome="applied", revision=4, converged=True, pinned=("check-1",)
    )
    done = home.ctl("reload")
    assert (done.code, done.out.splitlines()[1]) == (0, "pinned, and so not changed: check-1")


def test_reload_refuses_a_bare_number(home: Home, running: Running) -> None:
    done = home.ctl("reload", "--wait", "30")
    assert done.code == 2
    assert "'30' is not a duration: write 30s" in done.err
    assert running.fleet.waits == []


def test_task(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "fail it")
    done = home.ctl("task", "1")
    assert (done.code, done.err) == (0, "")
    age = done.out.splitlines()[2].rpartition("(")[2]
    assert age.endswith(" ago)")
    assert done.out.replace(age, "AGO)") == (
        "task 1 of check: dead\n"
        "  payload    fail it\n"
        "  submitted  2023-11-14 22:13:20 (AGO)\n"
        "  waited     200ms\n"
        "  attempt 1  on check-2 (run r0), sent 22:13:20, begun 50ms later, was lost with its worker"
        " after 750ms\n"
        "  waited     250ms\n"
        "  attempt 2  on check-1 (run r1), sent 22:13:21, begun 250ms later, failed after 500ms\n"
        "  ended      22:13:22, 2.0s after it was submitted\n"
        "  error      exit status 3\n"
    )


def test_a_task_and_what_routes_made_of_it(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "one", "made 1")
    assert home.ctl("task", "1").out.splitlines()[-1] == "  made       task 2 of check (done)"
    assert "  made by    the end of task 1\n" in home.ctl("task", "2").out
    value = home.ctl("task", "1", "-o", "json").json
    assert [row["id"] for row in value.pop("made")] == [2]
    conforms(value, "Story")


def test_a_task_that_is_not_there(home: Home, running: Running) -> None:
    done = home.ctl("task", "9", "-o", "json")
    assert (done.code, done.err) == (1, "tmaxctl: there is no task 9\n")
    assert done.json == {"error": "no_such_task", "message": "there is no task 9"}
    assert home.ctl("task", "nine").code == 2


def test_result(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "tab\there, no newline", "fail", "slow")
    done = home.ctl("result", "1")
    assert (done.code, done.out, done.err) == (0, "did tab\there, no newline", "")
    assert home.ctl("result", "1", "-o", "json").json == {
        "id": 1,
        "result": "did tab\there, no newline",
    }
    dead = home.ctl("result", "2")
    assert (dead.code, dead.out) == (1, "")
    assert dead.err == "tmaxctl: task 2 is dead: exit status 3\n"
    waits = home.ctl("result", "3")
    assert (waits.code, waits.out) == (4, "")
    assert waits.err == (
        "tmaxctl: task 3 is queued; it has no result yet; `tmaxctl result 3 --wait` waits for it\n"
    )


def test_result_waits(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow")
    process = home.start("result", "1", "--wait")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.3)
    running.call(lambda: running.fleet.finish(1, "late"))
    out, _ = process.communicate(timeout=10)
    assert (process.returncode, out) == (0, b"late")


def test_no_daemon(home: Home) -> None:
    for args in (["status"], ["reload"], ["tasks"], ["down"], ["submit", "check", "x"]):
        done = home.ctl(*args)
        assert done.code == 3
        first = "nothing was submitted: " if args[0] == "submit" else ""
        assert done.err.startswith(f"tmaxctl: {first}no fleet runs (looked in ")
    assert home.ctl("status", "--fleet", "gone", "-o", "json").json["error"] == "no_daemon"


def test_a_daemon_that_hangs_is_a_timeout(home: Home, running: Running) -> None:
    go_on = threading.Event()
    running.post(go_on.wait)
    try:
        with pytest.raises(TimedOut, match="has not answered in time") as caught:
            Api("demo", running.paths.api_socket, patience=0.2).get("/v1/status")
    finally:
        go_on.set()
    assert caught.value.exit_code == 4
    # The connection that was given up is accepted only now; it must be dealt with before the server ends.
    assert home.ctl("status").code == 0


def test_an_unreadable_journal_is_a_failure(home: Home, running: Running) -> None:
    running.fleet.broken = JournalError("state.db: disk I/O error")
    done = home.ctl("tasks")
    assert (done.code, done.err) == (1, "tmaxctl: state.db: disk I/O error\n")


def test_another_users_daemon_lets_nobody_in(home: Home) -> None:
    with daemon(home, owners=frozenset({os.getuid() + 12345})):
        done = home.ctl("status", "-o", "json")
    assert (done.code, done.json["error"]) == (1, "forbidden")


def test_which_fleet(home: Home, running: Running) -> None:
    with daemon(home, "other") as other:
        other.fleet.now = status("other", workers=(worker("solo-1"),))
        several = home.ctl("status")
        assert several.code == 2
        assert "several fleets run: demo, other; choose one" in several.err
        for done in (
            home.ctl("status", "--fleet", "other"),
            home.ctl("--fleet", "other", "status"),
            Home(home.folder, {"TMAX_FLEET": "other"}).ctl("status"),
        ):
            assert done.out.startswith("other ")
        home.write("fleet: other  # and nothing else that is right\n")
        assert home.ctl("status").out.startswith("other ")
    assert home.ctl("status").out.startswith("demo ")
    assert home.ctl("status", "--fleet", "../x").code == 2


def test_a_stale_socket_is_no_daemon(home: Home, running: Running) -> None:
    dead = home.places("dead")
    dead.runtime.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(dead.api_socket))
    assert home.ctl("status").out.startswith("demo ")
    done = home.ctl("status", "--fleet", "dead")
    assert done.code == 3
    assert "connection refused" in done.err


def test_help_imports_no_verb_and_names_every_one(home: Home) -> None:
    done = home.ctl("--help")
    assert done.code == 0
    assert "Exit codes: 0 done, 1 it failed" in done.out
    for name, summary in VERBS.items():
        command = group.get_command(None, name)  # type: ignore[arg-type]
        assert command is not None
        assert command.short_help == summary
        # Of a verb with verbs of its own, these have them.
        for part in getattr(command, "commands", {"": command}).values():
            assert {"output", "fleet"} <= {p.name for p in part.params}
        assert f"  {name} " in done.out


def test_a_misspelt_verb(home: Home) -> None:
    done = home.ctl("sumbit", "check", "x")
    assert done.code == 2
    assert "there is no command sumbit; did you mean submit?" in done.err
    assert "there is no command \\e[2J\n" in home.ctl("\x1b[2J").err


def test_status_imports_nothing_heavy(home: Home, running: Running) -> None:
    code = (
        "import sys; from tmaxd.ctl.main import group;"
        "group(['status'], standalone_mode=False);"
        "bad = {'msgspec','yaml','rich','aiohttp','asyncio','http','jsonschema','tmaxd.daemon',"
        "'tmaxd.spec'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], env=home.env, check=True, capture_output=True)


def test_control_characters_do_not_reach_the_terminal(home: Home, running: Running) -> None:
    evil = worker("check-1", "failed", message="\x1b]0;owned\x07\nsecond\u202e")
    running.fleet.now = status(workers=(evil,), problems=("bad \x1b[2J",))
    done = home.ctl("status")
    assert "bad \\e[2J" in done.out
    assert "\\e]0;owned\\x07; second\\u202e" in done.out
    assert "\x1b" not in done.out
