"""GET /v1/status: the fleet at one instant."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import Status
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    return answer(context.facade.status())


VERB = Verb(
    "GET",
    "/v1/status",
    handle,
    "The fleet at one instant: spec, tmux, groups, workers, standing problems",
    {200: ("The status", "application/json", Status)},
)
