"""`tmaxctl attach WORKER`: the worker's terminal, as tmux shows it. Detach with tmux's own keys."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, is_terminal
from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut, WrongUsage
from tmaxd.ctl.naming import group_meant, unknown_worker
from tmaxd.ctl.options import verb


@click.command("attach", short_help="Attach to a worker's terminal.")
@click.argument("worker", shell_complete=complete.workers)
@verb
def command(console: Console, worker: str) -> None:
    """Attach to WORKER's terminal; Ctrl-b d leaves it running (inside another tmux: Ctrl-b Ctrl-b d).
    With -o json, print the command that would be executed instead."""
    name, paths = fleet.of(console.fleet)
    worker, seen = named(fleet.api_of(name), worker)
    server = ["tmux", "-S", str(paths.tmux_socket)]
    # `=`: without it tmux takes a prefix, and check-1 would do for check-12.
    target = ["-t", f"={worker}"]
    argv = [*server, "attach-session", *target]
    if console.as_json:
        console.json({"argv": argv})
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise WrongUsage("attach needs a terminal; `tmaxctl logs` prints without one")
    # Inside another tmux it would refuse to nest, though this is a different server.
    os.environ.pop("TMUX", None)
    try:
        _check_there([*server, "has-session", *target], worker, seen)
        os.execvp(argv[0], argv)  # noqa: S606  it is to take this process's place
    except FileNotFoundError as error:
        raise CtlError("tmux is not installed, or not on PATH") from error


def _check_there(question: list[str], worker: str, seen: Mapping[str, Any] | None) -> None:
    """tmux would only say that it cannot find a session; the daemon knows why there is none."""
    if subprocess.run(question, stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
        return
    why = ""
    if seen is not None:
        reason = seen["message"] or seen["last_exit"] or seen["reason"]
        why = f" ({seen['state']}{f': {reason}' if reason else ''})"
    raise CtlError(f"{worker} has no terminal now{why}", "no_session")


def named(api: Api, word: str) -> tuple[str, dict[str, Any] | None]:
    """The worker that is meant, as the daemon sees it; refuses one that it does not know. None without a daemon: the
    sessions live on, so then tmux has the word."""
    try:
        value = api.get("/v1/status")
    except (NoDaemon, TimedOut):
        return fleet.check_worker(word), None
    worker = fleet.check_worker(group_meant(value, word) or word)
    workers: dict[str, dict[str, Any]] = {w["name"]: w for w in value["workers"]}
    if worker not in workers:
        raise unknown_worker(value, worker)
    return worker, workers[worker]
