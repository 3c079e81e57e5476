"""POST /v1/await: an answer once workers are as somebody wants them, or when the time is over."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import Await, Awaited, Refused
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(Await)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    try:
        wish = _body.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(
            400, "bad_body", f'expected {{"targets": ["check"], "for": "ready"}}: {error}'
        ) from None
    with context.may_last():
        return answer(await context.facade.awaited(wish))


VERB = Verb(
    "POST",
    "/v1/await",
    handle,
    "Wait until workers are ready, healthy, idle, finished, stopped, started or settled",
    {
        200: ("They are, or the time is over", "application/json", Awaited),
        400: ("`bad_body`", "application/json", Refused),
        404: ("`unknown_target`", "application/json", Refused),
    },
    bodies={"application/json": Await},
)
