"""What the verbs share that give orders to groups and workers: their targets, the order itself, the wait for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ParamSpec

import click

from tmaxd.ctl import complete, fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.awaiting import Waiter, Wish
from tmaxd.ctl.away import deadline_in
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.options import wait_option
from tmaxd.ctl.order_outcome import came_of
from tmaxd.ctl.render_orders import ordered, scaled
from tmaxd.ctl.text import span

P = ParamSpec("P")

WAIT = "10s"

SO = {
    "start": "ready",
    "stop": "stopped",
    "drain": "stopped",
    "restart": "obeyed",
    "scale": "obeyed",
    "pause": "idle",
}
"""When an order has been carried out; `resume`, `pin` and `unpin` are as soon as they are on disk."""


@dataclass(frozen=True)
class Order:
    do: str
    targets: tuple[str, ...]
    all: bool = False
    now: bool = False
    count: int | None = None
    wait: float = 0.0
    """Seconds until it shall have been carried out; 0: that is not waited for."""

    def body(self) -> dict[str, Any]:
        """As `POST /v1/order` wants it."""
        said = {"targets": list(self.targets), "all": self.all, "now": self.now}
        count = {} if self.count is None else {"count": self.count}
        return {"do": self.do, **{key: value for key, value in said.items() if value}, **count}


def targets(function: Callable[P, None]) -> Callable[P, None]:
    """TARGET… and --all; the function gets `targets` and `everything`."""
    named = click.argument("targets", metavar="TARGET…", nargs=-1, shell_complete=complete.targets)
    every = click.option("--all", "everything", is_flag=True, help="Every group of the file.")
    return named(every(function))


def now_option(help_text: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """--now, which other tools call --force."""
    return click.option("--now", "--force", "now", is_flag=True, help=help_text)


def order_wait(help_text: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    return wait_option(WAIT, f"How long to wait until {help_text}; 0s: not at all.")


def carry_out(console: Console, order: Order) -> None:
    """Give the order, tell what it is about, wait, tell what came of it."""
    if order.all == bool(order.targets):
        raise WrongUsage("name groups or workers, or say --all" + (", not both" * order.all))
    api = fleet.daemon(console.fleet)
    hint = hints_for(api.fleet)
    before = {} if console.as_json else api.get("/v1/status")
    answer = api.post("/v1/order", wait=api.patience, body=order.body())
    if not console.as_json:
        lines = (
            ordered(answer, before, hint, now=order.now)
            if order.count is None
            else scaled(order.targets[0], order.count, before, hint)
        )
        console.say("\n".join(lines))
    if not order.wait:
        if console.as_json:
            console.json(answer | {"outcome": "ordered"})
        return
    begun = time.monotonic()
    wish = Wish(tuple(order.targets or answer["groups"]), SO[order.do])
    waiter = Waiter(console, api, wish, deadline_in(order.wait), met=True)
    try:
        waiter.until_met(hint, goes_on=True)
    except CtlError as error:
        error.details = answer | error.details
        raise
    took = time.monotonic() - begun
    done = came_of(order, answer["workers"], _status(api))
    if done.overruled:
        raise CtlError(done.words, "overruled", answer)
    if console.as_json:
        console.json(answer | {"outcome": wish.what, "seconds": took})
    else:
        console.say(f"done: {done.words} ({span(took)})")


def _status(api: Api) -> dict[str, Any] | None:
    try:
        return api.get("/v1/status")
    except CtlError:  # what was waited for is so, whatever has become of the daemon since
        return None
