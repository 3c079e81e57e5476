"""`tmaxctl tasks`: the task table, newest first."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_tasks import tasks as render

STATES = ("queued", "delayed", "sent", "running", "done", "dead")


@click.command("tasks", short_help="List tasks, newest first.")
@click.option(
    "--group", metavar="GROUP", shell_complete=complete.task_groups, help="Only of GROUP."
)
@click.option("--state", type=click.Choice(STATES), multiple=True, help="Only in this state.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@click.option("--before", type=click.IntRange(1), metavar="ID", help="Only older than task ID.")
@verb
def command(
    console: Console, group: str | None, state: tuple[str, ...], limit: int, before: int | None
) -> None:
    """List tasks, newest first. --state may be given more than once."""
    wanted = {"group": group, "state": ",".join(state), "limit": limit, "before": before}
    value = fleet.daemon(console.fleet).get("/v1/tasks", {k: v for k, v in wanted.items() if v})
    if console.as_json:
        console.json(value)
        return
    rows = value["tasks"]
    console.lines(render(rows, time.time(), console.paint, console.width))
    if len(rows) == limit:
        console.note(f"there may be more: --before {rows[-1]['id']}")
