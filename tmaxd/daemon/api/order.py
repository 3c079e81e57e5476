"""POST /v1/order: what an operator asks of groups and workers."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import Order, Ordered, Refused
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(Order)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    try:
        order = _body.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(
            400, "bad_body", f'expected {{"do": "stop", "targets": ["check"]}}: {error}'
        ) from None
    return answer(await context.facade.order(order))


VERB = Verb(
    "POST",
    "/v1/order",
    handle,
    "Start, stop, drain, restart, pause, resume, pin, unpin or scale groups and workers",
    {
        200: ("It is on disk", "application/json", Ordered),
        400: ("`bad_body`, or `bad_order`: what does not go together", "application/json", Refused),
        404: ("`unknown_target`", "application/json", Refused),
    },
    bodies={"application/json": Order},
)
