"""`tmaxctl task ID`: what became of one task, attempt by attempt."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.moments import day_and_time, time_of_day
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_story import Telling, story

MADE = 100
"""The most tasks that are looked for which the end of this one has made."""


@click.command("task", short_help="Tell the story of one task.")
@click.argument("id", type=click.IntRange(1))
@verb
def command(console: Console, id: int) -> None:
    """Tell the story of task ID: its payload, each attempt with its times, how it ended, and the tasks
    that routes made of it."""
    api = fleet.daemon(console.fleet)
    value = api.get(f"/v1/tasks/{id}")
    made = api.get("/v1/tasks", {"source": id, "limit": MADE})["tasks"]
    if console.as_json:
        console.json(value | {"made": made})
        return
    hint = hints_for(api.fleet)
    telling = Telling(time.time(), day_and_time, time_of_day, hint, console.paint, console.width)
    console.lines(story(value, made, telling))
