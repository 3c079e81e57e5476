"""`tmaxctl wait TARGET…`: until workers are as somebody wants them."""

from __future__ import annotations

import time

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.awaiting import STATES, Waiter, Wish
from tmaxd.ctl.away import deadline_in
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.options import timeout_option, verb
from tmaxd.ctl.text import many, span


@click.command("wait", short_help="Wait until workers are ready, idle, stopped, …")
@click.argument("targets", metavar="[TARGET…]", nargs=-1, shell_complete=complete.targets)
@click.option(
    "--for",
    "what",
    type=click.Choice(STATES),
    default="ready",
    show_default=True,
    help="idle: ready and without tasks; obeyed: all orders are carried out; settled: as the file and all "
    "orders want it.",
)
@timeout_option("Give it up after DUR; else never.")
@verb
def command(console: Console, targets: tuple[str, ...], what: str, timeout: float | None) -> None:
    """Wait until all workers of the groups and workers TARGET… are so far; without one, the whole fleet.
    It goes on where the daemon ends and comes back.

    Nobody who was stopped by an order or ended well is waited for, unless it is for just that. Ends
    with 4 when the time is over, and with 1 when a worker has failed for good, or (settled) when what the
    file says of a group has failed and it went back to what was good before: with who, and why.
    """
    api = fleet.daemon(console.fleet)
    begun = time.monotonic()
    wish = Wish(tuple(dict.fromkeys(targets)), what)
    Waiter(console, api, wish, deadline_in(timeout), met=False).until_met(
        hints_for(api.fleet), goes_on=False
    )
    took = time.monotonic() - begun
    if console.as_json:
        console.json({"met": True, "for": what, "targets": list(wish.targets), "seconds": took})
    else:
        left_out = _stopped(api, wish)
        more = f"; {many(left_out, 'worker')} stopped by order, not waited for" if left_out else ""
        console.say(f"{wish.whose}: {what} ({span(took)}{more})")


def _stopped(api: Api, wish: Wish) -> int:
    """Workers that count as if they were so far, since somebody has stopped them."""
    if wish.what in ("stopped", "finished"):
        return 0
    try:
        workers = api.get("/v1/status")["workers"]
    except CtlError:  # what was waited for is so, whatever has become of the daemon since
        return 0
    own = [w for w in workers if not wish.targets or {w["name"], w["group"]} & set(wish.targets)]
    return sum(w["state"] == "stopped" for w in own)
