"""`tmaxctl down`: every worker stopped, then the daemon gone."""

from __future__ import annotations

import os
import select
import time

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import CtlError, TimedOut
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.options import verb, wait_option
from tmaxd.ctl.render_workers import ALIVE
from tmaxd.ctl.text import many, span

LOOK_EVERY = 0.2
"""Seconds between two looks at how many workers are left."""


@click.command("down", short_help="Stop every worker, then the daemon.")
@wait_option("60s", "How long to wait until the daemon is gone; 0s: not at all.")
@verb
def command(console: Console, wait: float) -> None:
    """Stop every worker, then the daemon. Queued tasks stay on disk for the next `up`; those that run
    get `stop.signal` with their worker, and what has not ended by then is begun anew."""
    api = fleet.daemon(console.fleet)
    # Held before the shutdown begins, so that it cannot come to mean a later process.
    daemon = _hold(int(api.get("/v1/ping")["pid"]))
    started = time.monotonic()
    try:
        value = api.post("/v1/down")
        if wait > 0:
            _until_gone(api, daemon, wait)
    finally:
        os.close(daemon)
    took = time.monotonic() - started
    if console.as_json:
        outcome = "down" if wait > 0 else value["outcome"]
        console.json({"fleet": api.fleet, "outcome": outcome, "pid": value["pid"], "seconds": took})
    elif wait > 0:
        console.lines([f"fleet {api.fleet} is down ({span(took)})"])
    else:
        console.lines([f"fleet {api.fleet} is going down"])


def _hold(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError as error:
        raise CtlError(
            f"the daemon's process {pid} cannot be watched ({error.strerror}); is it in another "
            "container?"
        ) from error


def _until_gone(api: Api, daemon: int, wait: float) -> None:
    deadline = time.monotonic() + wait
    poll = select.poll()
    poll.register(daemon, select.POLLIN)
    with Live("stopping") as live:
        while True:
            left = deadline - time.monotonic()
            if poll.poll(max(0.0, min(left, LOOK_EVERY)) * 1000):
                return
            if left <= 0:
                raise TimedOut(
                    f"fleet {api.fleet} is not down after {span(wait)}; it goes on "
                    f"(`{hints_for(api.fleet)('status')}` shows what is left)"
                )
            live.show(f"stopping: {_left(api)}")


def _left(api: Api) -> str:
    try:
        value = Api(api.fleet, api.socket, LOOK_EVERY).get("/v1/status")
    except CtlError:
        return "the daemon is ending"
    return f"{many(sum(w['state'] in ALIVE for w in value['workers']), 'worker')} left"
