"""POST /v1/rollback: an earlier revision of the spec comes into force again, until the file is edited."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import body_of, known_only
from tmaxd.daemon.api.types import Refused, Rollback, RolledBack
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(Rollback)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    wish = await body_of(request, _body, '{"revision": 3}')
    return answer(await context.facade.rollback(wish.revision))


VERB = Verb(
    "POST",
    "/v1/rollback",
    handle,
    "An earlier revision of the spec comes into force again, until the file is edited",
    {
        200: ("It is in force", "application/json", RolledBack),
        400: ("`bad_body`", "application/json", Refused),
        404: ("`unknown_revision`", "application/json", Refused),
        409: ("`bad_revision`: this version cannot read it", "application/json", Refused),
    },
    bodies={"application/json": Rollback},
)
