"""`tmaxctl status`: the fleet at one instant, or again each second."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console
from tmaxd.ctl.moments import time_of_day
from tmaxd.ctl.options import verb
from tmaxd.ctl.render_status import status as render
from tmaxd.ctl.way_back import way_back


@click.command("status", short_help="Show the fleet: spec, groups, workers.")
@click.option(
    "--watch",
    is_flag=True,
    help="Draw it anew each second, until q or Ctrl-C. Goes on where the daemon ends and comes back.",
)
@click.option(
    "--chain",
    "as_chain",
    is_flag=True,
    help="Show the order of the start in place of it: when each group could begin, and what it waited for.",
)
@verb
def command(console: Console, watch: bool, as_chain: bool) -> None:
    """Show the fleet: the spec in force, what is wrong with the file, orders and changes under way, its groups,
    workers, FIFOs and routes. (docs/status.md explains each word; `why WORKER` tells more about one.)"""
    api = fleet.daemon(console.fleet)

    def print_json() -> None:
        console.json(api.get("/v1/status"))

    def picture(columns: int | None) -> list[str]:
        value = api.get("/v1/status")
        if as_chain:
            from tmaxd.ctl.render_chain import chain

            return chain(value, time_of_day, console.paint, columns)
        back = way_back(api) if value["spec"]["state"] == "rolled_back" else ""
        return render(value, time.time(), console.paint, columns, back)

    if not watch:
        print_json() if console.as_json else console.lines(picture(console.width))
        return
    from tmaxd.ctl import watch as watching
    from tmaxd.ctl.away import NEVER, Steady

    if console.as_json:
        watching.repeat(print_json, Steady(console, api, NEVER, met=False), NEVER)
    else:
        watching.need_terminal("--watch", "use -o json, a line a second")
        watching.draw_on(console, picture, NEVER)
