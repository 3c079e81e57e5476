"""`tmaxctl rollback [REV]`: an earlier revision of the spec comes into force again."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.awaiting import Waiter, Wish
from tmaxd.ctl.away import deadline_in
from tmaxd.ctl.console import Console, is_terminal
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.options import verb, wait_option
from tmaxd.ctl.render_revisions import difference, rolled_back
from tmaxd.ctl.text import span
from tmaxd.ctl.way_back import way_back


@click.command("rollback", short_help="Go back to an earlier revision.")
@click.argument(
    "revision",
    metavar="[REV]",
    type=click.IntRange(1),
    required=False,
    shell_complete=complete.revisions,
)
@click.option("--yes", is_flag=True, help="Do not ask. (Only on a terminal.)")
@wait_option("10s", "How long to wait until all workers have settled; 0s: not at all.")
@verb
def command(console: Console, revision: int | None, yes: bool, wait: float) -> None:
    """Have revision REV of the spec in force again, until the file is edited; without REV, the one before that
    in force (`tmaxctl history` lists them). The file itself is left as it is.
    """
    api = fleet.daemon(console.fleet)
    difference_ = _difference(api, revision)
    if not console.as_json:
        console.lines(difference(difference_, console.paint, console.width))
    asks = not yes and is_terminal(sys.stdin) and is_terminal(sys.stderr)
    if asks and not click.confirm(f"go back to revision {difference_['new']}?", err=True):
        raise CtlError("nothing was changed", "not_confirmed")
    body = {"revision": difference_["new"]}
    value = api.post("/v1/rollback", wait=api.patience, body=body)
    if not console.as_json:
        console.say(rolled_back(value))
        if back := way_back(api):
            console.note(f"back to what the file says, without an edit: {back}")
    if wait and value["outcome"] == "applied":
        value |= _settle(console, api, wait, value)
    if console.as_json:
        console.json(value)


def _difference(api: Api, revision: int | None) -> dict[str, Any]:
    """From what is in force to what would be."""
    if revision is None:
        found = api.get("/v1/diff")
        old, new = found["new"], found["old"]
    else:
        rows = api.get("/v1/revisions")["revisions"]
        old = next((row["number"] for row in rows if row["in_force"]), revision)
        new = revision
    return api.get("/v1/diff", {"old": old, "new": new})


def _settle(console: Console, api: Api, wait: float, value: dict[str, Any]) -> dict[str, Any]:
    begun = time.monotonic()
    waiter = Waiter(console, api, Wish((), "settled"), deadline_in(wait), met=True)
    try:
        waiter.until_met(hints_for(api.fleet), goes_on=True)
    except CtlError as error:
        error.details = value | error.details
        raise
    took = time.monotonic() - begun
    if not console.as_json:
        console.say(f"done: all workers have settled ({span(took)})")
    return {"seconds": took}
