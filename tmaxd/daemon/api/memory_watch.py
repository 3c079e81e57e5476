"""GET /v1/memory/watch: what changes in the memory store, as it changes."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping, Sequence

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, fields
from tmaxd.daemon.api.memory_common import LONGEST_PREFIX
from tmaxd.daemon.api.memory_facade import Lagged
from tmaxd.daemon.api.query import flag, integer, known_only
from tmaxd.daemon.api.stream import streamed
from tmaxd.daemon.api.types import MemoryChange, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb
from tmaxd.store.entries import Change, Entry, Place
from tmaxd.store.names import namespace_problem, read_only

NAMES = ("ns", "prefix", "since", "values")

CHUNK = 256
"""Changes that are looked at and sent at a time."""

_encode = msgspec.json.Encoder().encode


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    ns, prefix = request.query.get("ns"), request.query.get("prefix", "")[: LONGEST_PREFIX + 1]
    if ns is not None and (why := namespace_problem(ns)):
        raise Refusal(400, "bad_name", why)
    if ns is not None and read_only(ns):
        raise Refusal(
            409, "read_only", f"`{ns}` cannot be watched: it is made at the moment when it is read"
        )
    memory, values = context.facade.memory, flag(request, "values")
    newest = await memory.last_change()
    since = integer(request, "since", newest, 0, 2**63 - 1)
    assert since is not None  # noqa: S101  it has a default
    try:
        memory.changes(since, 1)
    except Lagged:
        raise lagged(since) from None
    with context.may_last():
        async with streamed(request, "application/x-ndjson") as response:
            await _follow(context, (ns, prefix), since, response, values=values)
    return response


def lagged(since: int) -> Refusal:
    return Refusal(
        410,
        "lagged",
        f"the changes since {since} are not known any more: too many came, or another daemon has started; list anew,"
        " and watch since the `seq` of that",
    )


async def _follow(
    context: Context,
    wanted: tuple[str | None, str],
    since: int,
    response: web.StreamResponse,
    *,
    values: bool,
) -> None:
    """Ends only by the client, or when it has lagged too far behind."""
    memory = context.facade.memory
    while True:
        try:
            found = memory.changes(since, CHUNK)
        except Lagged:
            await response.write(_encode(fields(lagged(since))) + b"\n")
            return
        if not found:
            await _wait(context, since, response)
            continue
        since = found[-1].seq
        passing = [c for c in found if _passes(c, *wanted)]
        places = [(c.ns, c.key) for c in passing if c.what == "put"] if values else []
        entries = await memory.get_many(places) if places else {}
        if passing:
            await response.write(_lines(passing, entries))


def _passes(change: Change, ns: str | None, prefix: str) -> bool:
    return (ns is None or change.ns == ns) and change.key.startswith(prefix)


async def _wait(context: Context, since: int, response: web.StreamResponse) -> None:
    """A blank line when nothing came for so long that the client wants to see that the connection lives."""
    try:
        async with asyncio.timeout(context.keep_alive):
            await context.facade.memory.later_change(since)
    except TimeoutError:
        await response.write(b"\n")


def _lines(changes: Sequence[Change], entries: Mapping[Place, Entry]) -> bytes:
    return b"".join(_encode(_shown(c, entries.get((c.ns, c.key)))) + b"\n" for c in changes)


def _shown(change: Change, entry: Entry | None) -> MemoryChange:
    """With the value that this change has put there, if it is there still."""
    plain = MemoryChange(seq=change.seq, ns=change.ns, key=change.key, change=change.what)
    if entry is None or entry.version != change.seq:
        return plain
    if entry.kind == "json":
        return msgspec.structs.replace(plain, value=msgspec.Raw(entry.data))
    return msgspec.structs.replace(plain, bytes=base64.b64encode(entry.data).decode())


VERB = Verb(
    "GET",
    "/v1/memory/watch",
    handle,
    "The changes of the memory store, one a line, and a blank one now and then, until the client leaves. A client that"
    " lags so far behind that changes are lost gets a `Refused` with `lagged` as the last line",
    {
        200: ("The stream", "application/x-ndjson", MemoryChange),
        400: ("`bad_name` or `bad_parameter`", "application/json", Refused),
        409: ("`read_only`: the namespace `worker` cannot be watched", "application/json", Refused),
        410: ("`lagged`: list anew", "application/json", Refused),
        503: ("`store`: it cannot be read at the moment", "application/json", Refused),
    },
    parameters=(
        Parameter("ns", {"type": "string"}, "Only this namespace; else all."),
        Parameter("prefix", {"type": "string"}, "Only keys that begin so."),
        Parameter(
            "since",
            {"type": "integer", "minimum": 0},
            "Only later changes: the `seq` of a page or of the last change seen; else from now on.",
        ),
        Parameter(
            "values",
            {"type": "boolean", "default": False},
            "With the value of what was put, unless it has changed again meanwhile.",
        ),
    ),
)
