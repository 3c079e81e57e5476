"""`tmaxctl result ID`: the result exactly as the worker gave it."""

from __future__ import annotations

from collections import deque
from typing import NoReturn

import click

from tmaxd.ctl import fleet, results
from tmaxd.ctl.api import Refused
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import CtlError, TimedOut
from tmaxd.ctl.options import verb


@click.command("result", short_help="Print the result of a task.")
@click.argument("id", type=click.IntRange(1))
@click.option("--wait", is_flag=True, help="Wait until the task has ended.")
@verb
def command(console: Console, id: int, wait: bool) -> None:
    """Print the result of task ID, byte for byte (on a terminal with control characters made visible).

    Ends with 1 when the task is dead or cancelled, and with 4 when it has not ended.
    """
    api = fleet.daemon(console.fleet)
    if wait:
        with Live(f"waiting for task {id}"):
            deque(api.wait([(id, 1)]), maxlen=0)
    try:
        data = api.text(f"/v1/tasks/{id}/result")
    except Refused as refused:
        _explain(refused, id)
    if console.as_json:
        console.json({"id": id, "result": data.decode(errors="replace")})
    else:
        results.show(console, data)


def _explain(refused: Refused, id: int) -> NoReturn:
    if refused.word == "not_ended":
        raise TimedOut(f"{refused.message}; --wait waits for it", "not_ended", {"id": id})
    raise CtlError(refused.message, refused.word, {"id": id})
