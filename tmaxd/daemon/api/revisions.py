"""GET /v1/revisions: the revisions of the spec, newest first."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import RevisionList
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    return answer(await context.facade.revisions())


VERB = Verb(
    "GET",
    "/v1/revisions",
    handle,
    "The revisions of the spec, newest first",
    {200: ("Those that are kept", "application/json", RevisionList)},
)
