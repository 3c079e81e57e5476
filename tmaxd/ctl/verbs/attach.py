"""`tmaxctl attach WORKER`: the worker's terminal, as tmux shows it. Detach with tmux's own keys."""

from __future__ import annotations

import os
import sys
from difflib import get_close_matches

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, is_terminal
from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut, WrongUsage
from tmaxd.ctl.options import verb


@click.command("attach", short_help="Attach to a worker's terminal.")
@click.argument("worker", shell_complete=complete.workers)
@verb
def command(console: Console, worker: str) -> None:
    """Attach to WORKER's terminal; Ctrl-b d leaves it running. With -o json, print the command
    that would be executed instead."""
    name, paths = fleet.of(console.fleet)
    fleet.check_worker(worker)
    check_known(Api(name, paths.api_socket), worker)
    # `=`: without it tmux takes a prefix, and check-1 would do for check-12.
    argv = ["tmux", "-S", str(paths.tmux_socket), "attach-session", "-t", f"={worker}"]
    if console.as_json:
        console.json({"argv": argv})
        return
    if not (is_terminal(sys.stdin) and is_terminal(sys.stdout)):
        raise WrongUsage("attach needs a terminal; `tmaxctl logs` prints without one")
    # Inside another tmux it would refuse to nest, though this is a different server.
    os.environ.pop("TMUX", None)
    try:
        os.execvp(argv[0], argv)  # noqa: S606  it is to take this process's place
    except FileNotFoundError as error:
        raise CtlError("tmux is not installed, or not on PATH") from error


def check_known(api: Api, worker: str) -> None:
    """Refuse a worker that the daemon does not know. Without a daemon the sessions live on, so then
    tmux has the word."""
    try:
        value = api.get("/v1/status")
    except (NoDaemon, TimedOut):
        return
    names = [w["name"] for w in value["workers"]]
    if worker not in names:
        near = get_close_matches(worker, names, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise CtlError(f"fleet {api.fleet} has no worker {worker}{hint}", "unknown_worker")
