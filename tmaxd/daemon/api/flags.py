"""GET /v1/flags: the feature flags: what each does, what the file says of it, and what holds."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import FlagList
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    return answer(context.facade.flags())


VERB = Verb(
    "GET",
    "/v1/flags",
    handle,
    "The feature flags: what each does, what the file says of it, and what holds",
    {200: ("All there are", "application/json", FlagList)},
)
