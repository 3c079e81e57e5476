"""What needs a terminal (attach, watch, progress), and what shells ask for (completion, schema)."""

from __future__ import annotations

import json
import os
import subprocess
import time

import pytest
import yaml

from tests.ctl.fake_fleet import status, worker
from tests.ctl.harness import ROOT, Home, Running
from tests.ctl.screen import Screen


def fake_tmux(home: Home, has_session: bool = True) -> None:
    path = home.folder / "bin" / "tmux"
    path.parent.mkdir()
    known = "true" if has_session else "false"
    path.write_text(
        f'#!/bin/sh\n[ "$3" = has-session ] && exec {known}\n'
        'printf "%s|" "$@"; echo "TMUX=$TMUX."\n'
    )
    path.chmod(0o755)
    home.more_env["PATH"] = f"{path.parent}:{os.environ['PATH']}"
    home.more_env["TMUX"] = "/tmp/other,1,0"


def test_attach_takes_the_place_of_the_command(home: Home, running: Running) -> None:
    fake_tmux(home)
    with Screen(home, "attach", "check-1") as screen:
        assert screen.finish() == 0
        socket = home.places().tmux_socket
        assert f"-S|{socket}|attach-session|-t|=check-1|TMUX=." in screen.text


def test_attach_says_why_there_is_no_terminal(home: Home, running: Running) -> None:
    fake_tmux(home, has_session=False)
    running.fleet.now = status(
        workers=(worker("check-1", "backoff", pid=None, message="start_failed: no such program"),)
    )
    with Screen(home, "attach", "check-1") as screen:
        assert screen.finish() == 1
        assert "check-1 has no terminal now (backoff: start_failed: no such program)" in screen.text


def test_attach_without_terminal_or_worker(home: Home, running: Running) -> None:
    done = home.ctl("attach", "check-1")
    assert done.code == 2
    assert "attach needs a terminal" in done.err
    socket = str(home.places().tmux_socket)
    assert home.ctl("attach", "check-1", "-o", "json").json == {
        "argv": ["tmux", "-S", socket, "attach-session", "-t", "=check-1"]
    }
    assert home.ctl("attach", "check-12").code == 1
    assert home.ctl("attach", "nonsense").code == 2


def test_attach_needs_no_daemon(home: Home) -> None:
    assert home.ctl("attach", "check-1", "--fleet", "demo", "-o", "json").code == 0


def test_colours_on_a_terminal_but_not_with_no_color(home: Home, running: Running) -> None:
    running.fleet.now = status(workers=(worker("check-1", "failed", message="m" * 100),))
    with Screen(home, "status") as screen:
        assert screen.finish() == 0
        assert "\x1b[31mfailed\x1b[0m" in screen.text
        assert max(map(len, screen.text.splitlines()[-1:])) <= 80 + 9
    home.more_env["NO_COLOR"] = "1"
    with Screen(home, "status") as screen:
        assert screen.finish() == 0
        assert "\x1b" not in screen.text


def test_errors_are_broken_between_words(home: Home) -> None:
    with Screen(home, "status", size=(50, 24)) as screen:
        assert screen.finish() == 3
        lines = screen.text.replace("\x1b[31m", "").replace("\x1b[0m", "").splitlines()
    assert len(lines) > 2
    assert max(map(len, lines)) <= 50
    assert all(line.startswith("  ") for line in lines[1:])
    assert " ".join(" ".join(lines).split()).startswith("tmaxctl: no fleet runs (looked in ")


def test_watch_draws_anew(home: Home, running: Running) -> None:
    with Screen(home, "status", "--watch") as screen:
        screen.until("check-1")
        running.fleet.now = status(workers=(worker("fresh-1"),))
        screen.until("fresh-1")
        assert "\x1b[H" in screen.text
        screen.process.send_signal(2)
        assert screen.finish() == 0
        assert screen.text.endswith("\x1b[?7h\r\n"), "wrapping is on again, the prompt has its line"


def test_a_long_wait_shows_that_it_lives(home: Home, running: Running) -> None:
    home.ctl("submit", "check", "slow")
    with Screen(home, "result", "1", "--wait") as screen:
        screen.until("waiting for task 1 (1")
        running.call(lambda: running.fleet.finish(1))
        assert screen.finish() == 0
        assert screen.text.endswith("\r\x1b[Kat last\r\n")


def test_a_long_wait_for_tasks_shows_a_bar(home: Home, running: Running) -> None:
    with Screen(home, "submit", "check", "slow", "quick", "--wait") as screen:
        screen.until("0/2")
        running.call(lambda: running.fleet.finish(1))
        assert screen.finish() == 0
        assert "2 done, 0 dead" in screen.text


def test_logs_on_a_terminal_pass_colours_only(home: Home, running: Running) -> None:
    home.places().logs.mkdir(parents=True)
    (home.places().logs / "check-1.log").write_bytes(b"\x1b]0;own\x07\x1b[32mgreen\x1b[0m\x1b[2J\n")
    with Screen(home, "logs", "check-1") as screen:
        assert screen.finish() == 0
        assert screen.text == "\x1b[32mgreen\x1b[0m\r\n"


def complete(home: Home, words: str, current: str = "") -> list[str]:
    count = len(words.split())
    asked = {
        "_TMAXCTL_COMPLETE": "bash_complete",
        "COMP_WORDS": f"{words} {current}".rstrip(),
        "COMP_CWORD": str(count),
    }
    done = Home(home.folder, home.more_env | asked).ctl()
    assert done.err == ""
    return [line.split(",", 1)[1] for line in done.out.splitlines() if line]


def test_names_are_completed_from_the_daemon(home: Home, running: Running) -> None:
    assert complete(home, "tmaxctl attach") == ["check-1", "check-2", "shell-1"]
    assert complete(home, "tmaxctl logs", "sh") == ["shell-1"]
    assert complete(home, "tmaxctl submit") == ["check"]
    assert complete(home, "tmaxctl", "st") == ["status", "start", "stop"]
    assert complete(home, "tmaxctl stop check", "") == ["shell", "check-1", "check-2", "shell-1"]
    assert complete(home, "tmaxctl diff", "") == ["3", "2", "1"]
    assert complete(home, "tmaxctl events --event", "ready,un") == [
        "ready,unhold",
        "ready,unhealthy",
    ]
    assert complete(home, "tmaxctl cancel --group") == ["check"]
    assert complete(home, "tmaxctl tasks --worker", "check") == ["check-1", "check-2"]
    assert complete(home, "tmaxctl tasks --fleet") == ["demo"]
    assert complete(home, "tmaxctl status --fleet", "x") == []


def test_states_are_completed_one_after_the_other(home: Home) -> None:
    assert complete(home, "tmaxctl cancel --state", "d") == ["delayed"]
    assert complete(home, "tmaxctl retry --state") == ["dead", "cancelled"]
    assert complete(home, "tmaxctl tasks --state", "done,de") == ["done,delayed", "done,dead"]


def test_completion_without_a_daemon_is_silent_and_quick(home: Home) -> None:
    began = time.monotonic()
    assert complete(home, "tmaxctl attach") == []
    assert time.monotonic() - began < 5


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(home: Home, shell: str) -> None:
    done = home.ctl("completion", shell)
    assert done.code == 0
    assert f"_TMAXCTL_COMPLETE={shell}_complete" in done.out
    as_json = home.ctl("completion", shell, "-o", "json").json
    assert as_json == {"shell": shell, "script": done.out.removesuffix("\n")}
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=done.out.encode(), check=True)


def test_schema(home: Home) -> None:
    api = home.ctl("schema", "--api")
    assert api.out == (ROOT / "schemas" / "api.openapi.yaml").read_text()
    assert home.ctl("schema", "--api", "-o", "json").json == yaml.safe_load(api.out)
    spec = home.ctl("schema")
    assert json.loads(spec.out) == home.ctl("schema", "-o", "json").json
    assert json.loads(spec.out)["$schema"].startswith("https://json-schema.org/")
