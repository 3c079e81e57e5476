"""`tmaxctl task ID`: what became of one task, attempt by attempt."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_tasks import story


def _when(wall: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(wall))


@click.command("task", short_help="Tell the story of one task.")
@click.argument("id", type=click.IntRange(1))
@verb
def command(console: Console, id: int) -> None:
    """Tell the story of task ID: its payload, each attempt, how it ended."""
    value = fleet.daemon(console.fleet).get(f"/v1/tasks/{id}")
    if console.as_json:
        console.json(value)
    else:
        console.lines(story(value, time.time(), _when, console.paint))
