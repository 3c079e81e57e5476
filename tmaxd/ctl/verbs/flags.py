"""`tmaxctl flags`: the feature flags, and how to try one for a while."""

from __future__ import annotations

import time
from typing import Any

import click

from tmaxd.ctl import complete, fleet, render_flags
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.moments import day_and_time
from tmaxd.ctl.options import duration, verb
from tmaxd.ctl.text import clean

PATH = "/v1/flags"


@click.group(
    "flags",
    invoke_without_command=True,
    short_help="Show the feature flags, and set one for a while.",
)
@click.option(
    "--explain",
    metavar="NAME",
    shell_complete=complete.flags,
    help="Tell all about one flag: what it does, and what `off` means.",
)
@verb
def command(console: Console, explain: str | None) -> None:
    """Show the feature flags: what holds and for how long it has, what the file says, what an order says instead.
    docs/flags.md tells more. To change one for good, edit `flags:` in the file.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        if console.as_json or explain or context.params.get("fleet"):
            word = context.invoked_subcommand
            raise WrongUsage(f"write options after the word: `tmaxctl flags {word} … OPTIONS`")
        return
    value = fleet.daemon(console.fleet).get(PATH)
    now = time.time()
    if explain is not None:
        row = _row(value, explain)
        if console.as_json:
            console.json(row)
        else:
            lines = render_flags.explained(row, now, day_and_time, console.paint, console.width)
            console.lines(lines)
    elif console.as_json:
        console.json(value)
    else:
        console.lines(render_flags.flags(value["flags"], now, console.paint, console.width))


def _row(value: dict[str, Any], name: str) -> dict[str, Any]:
    names = [row["name"] for row in value["flags"]]
    if name not in names:
        raise CtlError(
            f"there is no flag {clean(name)}; there are: {', '.join(names)}", "unknown_flag"
        )
    found: dict[str, Any] = value["flags"][names.index(name)]
    return found


@command.command("set", short_help="Set a flag over what the file says.")
@click.argument("name", shell_complete=complete.flags)
@click.argument("value", type=click.Choice(["on", "off"]))
@click.option(
    "--for",
    "lasts",
    callback=duration,
    metavar="DUR",
    help="How long; it is taken back by itself, also over an end of the daemon.",
)
@verb
def set_(console: Console, name: str, value: str, lasts: float | None) -> None:
    """Turn a flag on or off at once, whatever the file says. Without --for it holds until `flags unset`, or until the
    file says something else of this flag; to what the file says already, that is a `flags unset`.
    """
    if lasts is not None and lasts <= 0:
        raise WrongUsage(
            "--for says how long the flag is to be set, and 0 is no time: nothing was set"
        )
    ends = {} if lasts is None else {"for": lasts}
    _change(console, {"flag": name, "value": value == "on", **ends})


@command.command("unset", short_help="Take back what was set.")
@click.argument("name", shell_complete=complete.flags)
@verb
def unset(console: Console, name: str) -> None:
    """Let the file speak again of a flag that `flags set` has set."""
    _change(console, {"flag": name, "value": None})


def _change(console: Console, body: dict[str, Any]) -> None:
    value = fleet.daemon(console.fleet).post(PATH, body=body)
    if console.as_json:
        console.json(value)
    else:
        console.say(render_flags.changed(value, time.time()))
