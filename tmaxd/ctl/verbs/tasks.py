"""`tmaxctl tasks`: the task table, newest first; or what changes in it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, is_terminal
from tmaxd.ctl.errors import WrongUsage
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.options import state_option, timeout_option, verb
from tmaxd.ctl.render_tasks import tasks as render

LIMIT, WATCHED = 100, 1000
"""Rows of a list, and tasks whose changes are looked for, where --limit does not say it."""


@click.command("tasks", short_help="List tasks, newest first.")
@click.option(
    "--group", metavar="GROUP", shell_complete=complete.task_groups, help="Only of GROUP."
)
@state_option("Only in one of these states")
@click.option(
    "--worker",
    metavar="WORKER",
    shell_complete=complete.workers,
    help="Only those that WORKER has, or had last.",
)
@click.option("--key", metavar="TEXT", help="Only those submitted with this key.")
@click.option(
    "--source", type=click.IntRange(1), metavar="ID", help="Only those that routes made of task ID."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="At most the N newest, from 1 to 1000; else 100, and with a piped --watch 1000.",
)
@click.option("--before", type=click.IntRange(1), metavar="ID", help="Only older than task ID.")
@click.option(
    "--watch",
    is_flag=True,
    help="Draw it anew each second, until q or Ctrl-C; piped: print a task whenever it changes. Goes on "
    "where the daemon ends and comes back.",
)
@timeout_option("With --watch: end it after DUR.")
@verb
def command(
    console: Console,
    group: str | None,
    states: tuple[str, ...],
    worker: str | None,
    key: str | None,
    source: int | None,
    limit: int | None,
    before: int | None,
    watch: bool,
    timeout: float | None,
) -> None:
    """List tasks, newest first."""
    if watch and before is not None:
        raise WrongUsage("--watch is about the newest tasks, and --before about old ones")
    if timeout is not None and not watch:
        raise WrongUsage("--timeout is how long to --watch: give both")
    if worker is not None:
        fleet.check_worker(worker)
    api = fleet.daemon(console.fleet)
    wanted = {
        "group": group,
        "state": states,
        "worker": worker,
        "key": key,
        "source": source,
    }
    query = {name: value for name, value in wanted.items() if value}
    if not watch:
        _list(console, api, {**query, "limit": limit or LIMIT}, before)
    elif is_terminal(sys.stdout) and not console.as_json:
        _draw(console, api, {**query, "limit": limit or LIMIT}, timeout)
    else:
        _follow(console, api, {**query, "limit": limit or WATCHED}, timeout)


def _list(console: Console, api: Api, query: Mapping[str, Any], before: int | None) -> None:
    value = api.get("/v1/tasks", {**query, **({"before": before} if before else {})})
    if console.as_json:
        console.json(value)
        return
    rows = value["tasks"]
    console.lines(render(rows, time.time(), console.paint, console.width))
    if len(rows) == query["limit"] and rows[-1]["id"] > 1:
        console.note(f"older ones: {hints_for(api.fleet)(_older(query, rows[-1]['id']))}")


def _older(query: Mapping[str, Any], last: int) -> str:
    """The same command for the next page."""
    from shlex import quote

    words = ["tasks"]
    for name, value in query.items():
        if name == "state":
            words.append(f"--state {','.join(value)}")
        elif (name, value) != ("limit", LIMIT):
            words.append(f"--{name} {quote(str(value))}")
    return " ".join([*words, f"--before {last}"])


def _draw(console: Console, api: Api, query: Mapping[str, Any], timeout: float | None) -> None:
    from tmaxd.ctl import watch
    from tmaxd.ctl.away import deadline_in

    def picture(columns: int) -> list[str]:
        rows = api.get("/v1/tasks", query)["tasks"]
        return render(rows, time.time(), console.paint, columns)

    watch.draw_on(console, picture, deadline_in(timeout))


def _follow(console: Console, api: Api, query: Mapping[str, Any], timeout: float | None) -> None:
    from tmaxd.ctl import watch
    from tmaxd.ctl.away import Steady, deadline_in
    from tmaxd.ctl.changes import Changes

    deadline = deadline_in(timeout)
    steady = Steady(console, api, deadline, met=False)
    watch.repeat(Changes(console, api, query).print, steady, deadline)
