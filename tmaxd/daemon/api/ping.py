"""GET /v1/ping: who answers; also how tmaxctl tells a living socket from a stale one."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import Ping
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    return answer(context.facade.ping())


VERB = Verb(
    "GET",
    "/v1/ping",
    handle,
    "Who answers",
    {200: ("The daemon", "application/json", Ping)},
)
