"""`tmaxctl cleanup [WHAT…]`: clean-ups now, and what went."""

from __future__ import annotations

import click

from tmaxd.ctl import fleet
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import FAILED
from tmaxd.ctl.options import duration, verb
from tmaxd.ctl.render_cleanup import runs

KINDS = ("tasks", "dead", "payloads", "logs", "events", "memory", "stale", "orphans", "files")
"""As `tmaxd.spec.upkeep.What`, which is not imported: msgspec costs 24 ms."""

LONGEST = 600.0
"""Seconds that the daemon gives a clean-up; then it tells what is left."""


@click.command("cleanup", short_help="Remove what is over or left behind.")
@click.argument("what", nargs=-1, type=click.Choice(KINDS), metavar="[WHAT]...")
@click.option("--dry-run", "dry", is_flag=True, help="Only show what would go.")
@click.option(
    "--ttl",
    callback=duration,
    metavar="DUR",
    help="Only what is older; in place of what the file says. With WHAT.",
)
@verb
def command(console: Console, what: tuple[str, ...], dry: bool, ttl: float | None) -> None:
    """Run the clean-ups of the file now, and show what went and how much came back.

    WHAT: tasks, dead, payloads, logs, events, memory, stale, orphans, files. Of those that the file has entries
    for, as these say; others by what is sensible (tasks: older than 7d, dead: 30d, logs: 14d, events: 7d). Tasks
    that are not over are never removed. Ends with 1 where something was left that should have gone.
    """
    body: dict[str, object] = {"what": what, "dry": dry}
    if ttl is not None:
        body["ttl"] = ttl
    api = fleet.daemon(console.fleet)
    # One may be under way, for which these wait; without WHAT, how many there are is the daemon's to know.
    longest = LONGEST * (1 + (len(what) or len(KINDS)) * 2)
    with Live("cleaning up"):
        value = api.post("/v1/cleanup", wait=longest, body=body)
    if console.as_json:
        console.json(value)
    else:
        console.lines(runs(value["runs"], console.paint, console.width))
    if any(run["problems"] for run in value["runs"]):
        raise click.exceptions.Exit(FAILED)
