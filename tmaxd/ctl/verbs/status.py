"""`tmaxctl status`: the fleet at one instant, or again each second."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, is_terminal, size_of
from tmaxd.ctl.errors import WrongUsage
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_status import status as render

EVERY = 1.0


@click.command("status", short_help="Show the fleet: spec, groups, workers.")
@click.option("--watch", is_flag=True, help="Draw it anew each second, until Ctrl-C.")
@verb
def command(console: Console, watch: bool) -> None:
    """Show the fleet: the spec in force, what is wrong with the file, its groups and workers."""
    api = fleet.daemon(console.fleet)
    if watch:
        _watch(console, api)
        return
    value = api.get("/v1/status")
    if console.as_json:
        console.json(value)
    else:
        console.lines(render(value, time.time(), console.paint, console.width))


def _watch(console: Console, api: Api) -> None:
    if not console.as_json and not is_terminal(sys.stdout):
        raise WrongUsage("--watch draws on a terminal; without one use -o json, a line a second")
    try:
        while True:
            value = api.get("/v1/status")
            if console.as_json:
                console.json(value)
                sys.stdout.flush()
            else:
                _draw(console, value)
            time.sleep(EVERY)
    except KeyboardInterrupt:
        console.end_line()


def _draw(console: Console, value: dict[str, Any]) -> None:
    """Over the last picture, line by line: clearing the screen first would flicker. What is wider than
    the terminal is cut by it (DECAWM off, and on again), so that a line stays one line."""
    columns, height = size_of(sys.stdout)
    lines = render(value, time.time(), console.paint, columns)
    if len(lines) >= height:
        hidden = len(lines) - height + 2
        lines = [*lines[: height - 2], f"… and {hidden} lines more; the terminal is too small"]
    body = "".join(f"{line}\x1b[K\n" for line in lines)
    sys.stdout.write(f"\x1b[?7l\x1b[H{body}\x1b[J\x1b[?7h")
    sys.stdout.flush()
