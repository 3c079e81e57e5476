"""GET /v1/plan: what a reload would do, action by action; changes nothing."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import PlanResult
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    return answer(await context.facade.plan())


VERB = Verb(
    "GET",
    "/v1/plan",
    handle,
    "What a reload would do, action by action, each with its reason",
    {200: ("The plan", "application/json", PlanResult)},
)
