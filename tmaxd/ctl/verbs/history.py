"""`tmaxctl history`: the revisions of the spec."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.moments import day_and_time
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_revisions import history as render


@click.command("history", short_help="List the revisions of the spec.")
@verb
def command(console: Console) -> None:
    """List the revisions of the spec, newest first: when each came into force and why, which one is in force,
    and which one is what the file says.
    """
    value = fleet.daemon(console.fleet).get("/v1/revisions")
    if console.as_json:
        console.json(value)
    else:
        now = time.time()
        console.lines(render(value["revisions"], now, day_and_time, console.paint, console.width))
