"""POST /v1/retry: tasks that are over without a result wait again, with all their attempts before them."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.choice import ANSWERS, judged
from tmaxd.daemon.api.types import TaskChoice
from tmaxd.daemon.api.verb import Context, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    return await judged(context, request, context.facade.retry, ("dead",))


VERB = Verb(
    "POST",
    "/v1/retry",
    handle,
    "Retry tasks: those named, and those of a group that are dead or in one of the states",
    ANSWERS,
    bodies={"application/json": TaskChoice},
)
