"""POST /v1/down: begin the shutdown; the caller sees its end by the daemon's exit."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import Stopping
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    pid = context.facade.ping().pid
    await context.facade.down()
    return answer(Stopping(pid=pid), 202)


VERB = Verb(
    "POST",
    "/v1/down",
    handle,
    "Begin the shutdown: workers are stopped, then the daemon exits",
    {202: ("It has begun", "application/json", Stopping)},
)
