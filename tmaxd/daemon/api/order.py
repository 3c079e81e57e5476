"""POST /v1/order: what an operator asks of groups and workers."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import body_of, known_only
from tmaxd.daemon.api.types import Order, Ordered, Refused
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(Order)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    order = await body_of(request, _body, '{"do": "stop", "targets": ["check"]}')
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
