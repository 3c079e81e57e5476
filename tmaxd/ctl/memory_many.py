"""`tmaxctl memory list`, `search`, `watch`, `stats` and `cleanup`: what is about many entries."""

from __future__ import annotations

import sys
import time
from typing import Any

import click

from tmaxd.ctl import complete, fleet, memory
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import WrongUsage
from tmaxd.ctl.hints import hints_for
from tmaxd.ctl.memory_options import limit_option, namespace_option
from tmaxd.ctl.options import duration, verb
from tmaxd.ctl.text import amount


@click.command("list", short_help="List keys.")
@click.argument("prefix", default="")
@namespace_option
@limit_option
@click.option("--values", is_flag=True, help="With their values.")
@verb
def list_(console: Console, prefix: str, ns: str, limit: int, values: bool) -> None:
    """List the keys of a namespace that begin with PREFIX, in their order."""
    query: dict[str, object] = {"ns": ns, "prefix": prefix, "values": "true" if values else "false"}
    _show(console, query, limit)


@click.command("search", short_help="Find values by a text.")
@click.argument("text")
@click.option("--prefix", metavar="TEXT", default="", help="Only keys that begin with TEXT.")
@namespace_option
@limit_option
@verb
def search(console: Console, text: str, prefix: str, ns: str, limit: int) -> None:
    """Find entries with TEXT in their key or in a text of their value, upper or lower case. Bytes are not looked at."""
    _show(console, {"ns": ns, "prefix": prefix, "text": text, "values": "true"}, limit)


def _show(console: Console, query: dict[str, object], limit: int) -> None:
    """As JSON an object a line, as they come."""
    api = fleet.daemon(console.fleet)
    found = memory.pages(api, query, limit or None)
    if console.as_json:
        for entry in found:
            console.json(entry)
        return
    from tmaxd.ctl.render_memory import entries

    rows = list(found)
    console.lines(entries(rows, time.time(), console.paint, console.width))
    if limit and len(rows) == limit:
        console.note(f"there may be more: {hints_for(api.fleet)('memory list --limit 0')}")


@click.command("watch", short_help="Show changes as they come.")
@click.argument("prefix", default="")
@click.option(
    "-n",
    "--namespace",
    "ns",
    metavar="NAME",
    shell_complete=complete.namespaces,
    help="Only this namespace; else all.",
)
@click.option(
    "--since",
    type=click.IntRange(0),
    metavar="N",
    help="All changes after number N; else new ones.",
)
@click.option("--values", is_flag=True, help="With the values that were put.")
@verb
def watch(console: Console, prefix: str, ns: str | None, since: int | None, values: bool) -> None:
    """Show each change of the store, until Ctrl-C; -o json prints an object a line. Goes on where the daemon ends and
    comes back. Ends with 1 and the word `lagged` where changes were missed; list then, and watch anew.
    """
    from tmaxd.ctl.away import NEVER, Steady

    query: dict[str, object] = {"prefix": prefix, "values": "true" if values else "false"}
    if ns is not None:
        query["ns"] = ns
    api = fleet.daemon(console.fleet)
    last = api.get(memory.STATS)["seq"] if since is None else since

    def hear() -> None:
        nonlocal last
        for change in api.follow(memory.WATCH, {**query, "since": last}):
            if change:
                last = change["seq"]
                _tell(console, change)

    try:
        Steady(console, api, NEVER, met=False).ask(hear)
    except KeyboardInterrupt:
        console.end_line()


def _tell(console: Console, change: dict[str, Any]) -> None:
    if console.as_json:
        console.json(change)
    else:
        from tmaxd.ctl.render_memory import change as line

        console.lines([line(change, console.paint, console.width)])
    sys.stdout.flush()


@click.command("stats", short_help="Show what each namespace holds.")
@verb
def stats(console: Console) -> None:
    """Show the namespaces: how much they hold and may hold, and since the daemon started how often a key was found
    or not, and how many entries had to go for want of room or because their time was over.
    """
    value = fleet.daemon(console.fleet).get(memory.STATS)
    if console.as_json:
        console.json(value)
        return
    from tmaxd.ctl.render_memory import stats as render

    console.lines(render(value["namespaces"], console.paint, console.width))
    if value["trouble"]:
        console.note(value["trouble"])


@click.command("cleanup", short_help="Delete what is over or old.")
@click.option(
    "--ttl", callback=duration, metavar="DUR", help="Also entries not written for so long."
)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    shell_complete=complete.namespaces,
    help="With --ttl: only of this namespace; may be given several times.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what would go.")
@verb
def cleanup(
    console: Console, ttl: float | None, namespaces: tuple[str, ...], dry_run: bool
) -> None:
    """Delete the entries whose time is over, and with --ttl those not written for long."""
    if namespaces and ttl is None:
        raise WrongUsage("--namespace is about what --ttl deletes: give both")
    query: dict[str, object] = {"dry": "true" if dry_run else "false"}
    if ttl is not None:
        query["ttl"] = ttl
    if namespaces:
        query["ns"] = list(namespaces)
    value = fleet.daemon(console.fleet).post("/v1/memory/cleanup", query, wait=600.0)
    if console.as_json:
        console.json(value)
        return
    word = "would go" if dry_run else "deleted"
    entries = "1 entry" if value["count"] == 1 else f"{value['count']} entries"
    console.say(f"{word}: {entries}, {amount(value['bytes'])}")
