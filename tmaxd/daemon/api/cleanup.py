"""POST /v1/cleanup: clean-ups now."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import body_of, known_only
from tmaxd.daemon.api.types import CleanedUp, CleanupWish, Refused
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(CleanupWish)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    wish = await body_of(request, _body, '{"what": ["tasks"], "dry": true}')
    with context.may_last():
        return answer(await context.facade.cleanup(wish))


VERB = Verb(
    "POST",
    "/v1/cleanup",
    handle,
    "Clean up now, or tell what would go; the answer comes when that is done",
    {
        200: ("What went", "application/json", CleanedUp),
        400: (
            "`bad_body`, or `bad_cleanup`: what cannot be cleaned up so",
            "application/json",
            Refused,
        ),
    },
    bodies={"application/json": CleanupWish},
)
