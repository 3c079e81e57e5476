"""GET /v1/memory/stats: what each namespace holds, and how it is used."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import MemoryStats, NamespaceStats, Refused
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    return answer(await context.facade.memory.stats())


VERB = Verb(
    "GET",
    "/v1/memory/stats",
    handle,
    "The namespaces of the memory store: what they hold, their limits, hits and misses",
    {
        200: ("All namespaces that hold something", "application/json", MemoryStats),
        503: ("`store`: it cannot be read at the moment", "application/json", Refused),
    },
    more=(NamespaceStats,),
)
