"""POST /v1/await: an answer once workers are as somebody wants them, or will not be by themselves, or the time is
over."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import body_of, known_only
from tmaxd.daemon.api.types import Await, Awaited, Refused
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(Await)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    wish = await body_of(request, _body, '{"targets": ["check"], "for": "ready"}')
    with context.may_last():
        return answer(await context.facade.awaited(wish))


VERB = Verb(
    "POST",
    "/v1/await",
    handle,
    "Wait until workers are ready, healthy, idle, finished, stopped, started, obeyed or settled",
    {
        200: (
            "They are, or will not be by themselves, or the time is over",
            "application/json",
            Awaited,
        ),
        400: ("`bad_body`", "application/json", Refused),
        404: ("`unknown_target`", "application/json", Refused),
    },
    bodies={"application/json": Await},
)
