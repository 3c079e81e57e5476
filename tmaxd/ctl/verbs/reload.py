"""`tmaxctl reload`: a look at the spec now, and what came of it."""

from __future__ import annotations

from typing import Any

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import DONE, FAILED, TIMEOUT, WRONG
from tmaxd.ctl.options import verb, wait_option
from tmaxd.ctl.render_changes import reload as render
from tmaxd.ctl.render_standing import spec_set_aside
from tmaxd.ctl.way_back import way_back

EXITS = {
    "applied": DONE,
    "no_change": DONE,
    "rejected": WRONG,
    "timeout": TIMEOUT,
    "change_failed": FAILED,
    "failed": FAILED,
}


@click.command("reload", short_help="Look at the spec now and apply it.")
@wait_option("10s", "How long to wait until the fleet has converged; 0s: not at all.")
@verb
def command(console: Console, wait: float) -> None:
    """Look at the spec now and apply it. (Saving the file does the same without a command, unless the flag
    `hot_reload` is off.)

    Ends with 1 when what the file says of a group has failed, so that the group went back to what was good
    before, or when not all workers come up: with who, and why.
    """
    api = fleet.daemon(console.fleet)
    finish(console, api, run(api, wait))


def run(api: Api, wait: float) -> dict[str, Any]:
    with Live("waiting for the fleet to converge"):
        return api.post("/v1/reload", {"wait": wait}, wait=wait)


def finish(console: Console, api: Api, value: dict[str, Any]) -> None:
    """Print the outcome and end with its exit code."""
    if console.as_json:
        console.json(value)
    else:
        console.problems(value["problems"])
        console.problems(value["warnings"], "warning")
        console.lines(render(value, console.paint, console.width))
        if value["outcome"] == "no_change":
            spec = api.get("/v1/status")["spec"]
            if spec["state"] == "rolled_back":
                console.note(spec_set_aside(spec, way_back(api)))
    if code := EXITS.get(value["outcome"], FAILED):
        raise click.exceptions.Exit(code)
