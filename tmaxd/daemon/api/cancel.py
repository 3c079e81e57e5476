"""POST /v1/cancel: end tasks. What waits ends at once; what runs is asked to end, and killed if it does not."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.choice import ANSWERS, judged
from tmaxd.daemon.api.types import TaskChoice
from tmaxd.daemon.api.verb import Context, Verb
from tmaxd.tasks.records import State

OPEN: tuple[State, ...] = ("queued", "delayed", "sent", "running")


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    return await judged(context, request, context.facade.cancel, OPEN)


VERB = Verb(
    "POST",
    "/v1/cancel",
    handle,
    "Cancel tasks: those named, and those of a group that have not ended or are in one of the states",
    ANSWERS,
    bodies={"application/json": TaskChoice},
)
