"""`tmaxctl status`: the fleet at one instant, or again each second."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_status import status as render


@click.command("status", short_help="Show the fleet: spec, groups, workers.")
@click.option("--watch", is_flag=True, help="Draw it anew each second, until q or Ctrl-C.")
@verb
def command(console: Console, watch: bool) -> None:
    """Show the fleet: the spec in force, what is wrong with the file, its groups and workers."""
    api = fleet.daemon(console.fleet)

    def print_json() -> None:
        console.json(api.get("/v1/status"))

    def picture(columns: int | None) -> list[str]:
        return render(api.get("/v1/status"), time.time(), console.paint, columns)

    if not watch:
        print_json() if console.as_json else console.lines(picture(console.width))
        return
    from tmaxd.ctl import watch as watching

    if console.as_json:
        watching.repeat(print_json)
    else:
        watching.need_terminal("--watch", "use -o json, a line a second")
        watching.draw_on(console, picture)
