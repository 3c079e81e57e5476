"""`tmaxctl result ID`: the result exactly as the worker gave it."""

from __future__ import annotations

from typing import NoReturn

import click

from tmaxd.ctl import fleet, outcomes, results
from tmaxd.ctl.api import Refused
from tmaxd.ctl.away import deadline_in
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, TimedOut, WrongUsage
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.options import timeout_option, verb


@click.command("result", short_help="Print the result of a task.")
@click.argument("id", type=click.IntRange(1))
@click.option(
    "--wait",
    is_flag=True,
    help="Wait until the task has ended, also while no daemon is there for a time.",
)
@timeout_option("With --wait: for no longer than DUR, then end with 4.")
@verb
def command(console: Console, id: int, wait: bool, timeout: float | None) -> None:
    """Print the result of task ID, byte for byte (on a terminal with control characters made visible).

    Ends with 1 when the task is dead or cancelled, and with 4 when it has not ended.
    """
    if timeout is not None and not wait:
        raise WrongUsage("--timeout is how long to --wait: give both")
    api = fleet.daemon(console.fleet)
    if wait:
        outcomes.wait(console, api, [(id, 1)], deadline_in(timeout), met=False)
    try:
        data = api.text(f"/v1/tasks/{id}/result")
    except Refused as refused:
        _explain(api.fleet, refused, id)
    if console.as_json:
        console.json({"id": id, "result": data.decode(errors="replace")})
    else:
        results.show(console, data)


def _explain(name: str, refused: Refused, id: int) -> NoReturn:
    if refused.word == "not_ended":
        command = hints_for(name)(f"result {id} --wait")
        raise TimedOut(f"{refused.message}; `{command}` waits for it", "not_ended", {"id": id})
    raise CtlError(refused.message, refused.word, {"id": id})
