"""GET /v1/memory/entry: one entry, or its value as it is."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.memory_common import KEY, NS, place_of, shown
from tmaxd.daemon.api.query import flag, known_only
from tmaxd.daemon.api.types import MemoryEntry, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb

NAMES = ("ns", "key", "raw")


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    ns, key = place_of(request)
    raw = flag(request, "raw")
    entry = await context.facade.memory.get(ns, key)
    if entry is None:
        raise Refusal(404, "no_such_key", f"there is no `{key}` in the namespace `{ns}`")
    if not raw:
        return answer(shown(entry))
    media = "application/json" if entry.kind == "json" else "application/octet-stream"
    return web.Response(
        body=entry.data, content_type=media, headers={"Tmax-Version": str(entry.version)}
    )


VERB = Verb(
    "GET",
    "/v1/memory/entry",
    handle,
    "An entry of the memory store; with `raw` its value alone, and its version as the header Tmax-Version",
    {
        200: ("The entry, or its value", "application/json", MemoryEntry),
        400: ("`bad_name` or `bad_parameter`", "application/json", Refused),
        404: ("`no_such_key`", "application/json", Refused),
        503: ("`store`: it cannot be read at the moment", "application/json", Refused),
    },
    parameters=(
        NS,
        KEY,
        Parameter("raw", {"type": "boolean", "default": False}, "The value alone: JSON, or bytes."),
    ),
)
