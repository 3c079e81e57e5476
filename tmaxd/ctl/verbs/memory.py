"""`tmaxctl memory …`: the memory store, which workers and people share. Here is what is about single entries."""

from __future__ import annotations

from typing import Any, NoReturn

import click

from tmaxd.ctl import fleet, memory, memory_many
from tmaxd.ctl.api import Refused
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, WrongUsage
from tmaxd.ctl.memory_options import namespace_option, ttl_option
from tmaxd.ctl.options import verb
from tmaxd.ctl.text import clean, many

SIGNED = {"ignore_unknown_options": True}
"""`-1` is a number here, and not an option."""


@click.group("memory", short_help="Store and read values that workers share.")
def command() -> None:
    """The memory store: values by namespace and key, on disk, with a time to live where wanted. Workers write to it
    as well, and the namespace `worker` shows what each of them does. docs/memory.md tells more.
    """


# ------------------------------------------------------------------------------------- one entry


@command.command("store", short_help="Store a value.")
@click.argument("key")
@click.argument("value")
@namespace_option
@ttl_option
@click.option("--json", "as_json", is_flag=True, help="VALUE is JSON; else it is text.")
@click.option("--bytes", "as_bytes", is_flag=True, help="VALUE is kept as bytes, whatever it is.")
@click.option("--if-absent", is_flag=True, help="Only if there is no such key; else end with 1.")
@verb
def store(
    console: Console,
    key: str,
    value: str,
    ns: str,
    ttl: float | None,
    as_json: bool,
    as_bytes: bool,
    if_absent: bool,
) -> None:
    """Store VALUE under KEY; `-` is standard input. It is on disk when the command ends with 0."""
    _put(console, key, value, ns, ttl, _media(as_json, as_bytes), 0 if if_absent else None)


@command.command("cas", short_help="Store a value if nobody else has.")
@click.argument("key")
@click.argument("version", type=click.IntRange(0))
@click.argument("value")
@namespace_option
@ttl_option
@click.option("--json", "as_json", is_flag=True, help="VALUE is JSON; else it is text.")
@click.option("--bytes", "as_bytes", is_flag=True, help="VALUE is kept as bytes, whatever it is.")
@verb
def cas(
    console: Console,
    key: str,
    version: int,
    value: str,
    ns: str,
    ttl: float | None,
    as_json: bool,
    as_bytes: bool,
) -> None:
    """Store VALUE under KEY only if its version is still VERSION, as `get -o json` shows it (0: only if it is not
    there). Ends with 1 where it has another, and tells which.
    """
    _put(console, key, value, ns, ttl, _media(as_json, as_bytes), version)


def _media(as_json: bool, as_bytes: bool) -> str:
    if as_json and as_bytes:
        raise WrongUsage("--json and --bytes say what VALUE is in two ways: give one of them")
    if as_json:
        return "application/json"
    return "application/octet-stream" if as_bytes else "text/plain"


def _put(
    console: Console,
    key: str,
    value: str,
    ns: str,
    ttl: float | None,
    media: str,
    if_version: int | None,
) -> None:
    wanted = {"ns": ns, "key": key, "ttl": ttl, "if_version": if_version}
    query = {name: given for name, given in wanted.items() if given is not None}
    api = fleet.daemon(console.fleet)
    try:
        outcome = api.put(memory.ENTRY, query, memory.given(value), media)
    except Refused as refused:
        raise CtlError(refused.message, refused.word, {"ns": ns, "key": key}) from None
    if console.as_json:
        console.json({"ns": ns, "key": key, **outcome})
    else:
        console.say(f"stored {clean(key)}, version {outcome['version']}")


@command.command("get", short_help="Print a value.")
@click.argument("key")
@namespace_option
@verb
def get(console: Console, key: str, ns: str) -> None:
    """Print the value under KEY as it is: text and bytes without anything added, other JSON as JSON. Ends with 1 where
    there is none.
    """
    try:
        entry = fleet.daemon(console.fleet).get(memory.ENTRY, {"ns": ns, "key": key})
    except Refused as refused:
        _absent(refused, ns, key)
    if console.as_json:
        console.json(entry)
    else:
        from tmaxd.ctl import results

        results.show(console, memory.raw(entry))


def _absent(refused: Refused, ns: str, key: str) -> NoReturn:
    raise CtlError(refused.message, refused.word, {"ns": ns, "key": key}) from None


@command.command("incr", short_help="Count up.", context_settings=SIGNED)
@click.argument("key")
@click.argument("by", type=int, default=1)
@namespace_option
@ttl_option
@verb
def incr(console: Console, key: str, by: int, ns: str, ttl: float | None) -> None:
    """Add BY (1, where it is left out; it may be negative) to the number under KEY, and print what it has come to. What
    is not there counts as 0. However many do this at once, none is lost.
    """
    operation: dict[str, Any] = {"op": "incr", "ns": ns, "key": key, "by": by}
    if ttl is not None:
        operation["ttl"] = ttl
    outcome = memory.write(fleet.daemon(console.fleet), operation)
    if console.as_json:
        console.json({"ns": ns, "key": key, **outcome})
    else:
        console.lines([str(outcome["number"])])


@command.command("delete", short_help="Delete values.")
@click.argument("keys", nargs=-1)
@click.option("--prefix", metavar="TEXT", help="All keys that begin with TEXT.")
@namespace_option
@verb
def delete(console: Console, keys: tuple[str, ...], prefix: str | None, ns: str) -> None:
    """Delete the values under KEYS, or all that begin with a prefix. What is not there is no error; the number of those
    that were is printed.
    """
    if bool(keys) == (prefix is not None):
        raise WrongUsage("say what to delete: keys, or --prefix TEXT")
    api = fleet.daemon(console.fleet)
    if prefix is not None:
        keys = tuple(
            entry["key"] for entry in memory.pages(api, {"ns": ns, "prefix": prefix}, None)
        )
    gone = 0
    for begin in range(0, len(keys), memory.PAGE):
        wanted = [
            {"op": "delete", "ns": ns, "key": key} for key in keys[begin : begin + memory.PAGE]
        ]
        outcomes = api.post(memory.ENTRIES, body={"operations": wanted})["outcomes"]
        gone += sum(outcome["outcome"] == "deleted" for outcome in outcomes)
    if console.as_json:
        console.json({"ns": ns, "deleted": gone})
    else:
        console.say(f"deleted {many(gone, 'key')}")


for also in (
    memory_many.list_,
    memory_many.search,
    memory_many.watch,
    memory_many.stats,
    memory_many.cleanup,
):
    command.add_command(also)
