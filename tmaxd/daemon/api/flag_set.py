"""POST /v1/flags: set a feature flag over what the file says, for a time if wanted, or take that back."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import body_of, known_only
from tmaxd.daemon.api.types import FlagChange, FlagChanged, Refused
from tmaxd.daemon.api.verb import Context, Verb

_body = msgspec.json.Decoder(FlagChange)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    change = await body_of(request, _body, '{"flag": "batching", "value": false, "for": 600}')
    return answer(await context.facade.set_flag(change))


VERB = Verb(
    "POST",
    "/v1/flags",
    handle,
    "Set a feature flag over what the file says, for a time if wanted, or take that back",
    {
        200: ("It is on disk, and in force", "application/json", FlagChanged),
        400: ("`bad_body`, or `bad_flag`: what does not go together", "application/json", Refused),
        404: ("`unknown_flag`", "application/json", Refused),
        503: ("`journal`: nothing can be written at the moment", "application/json", Refused),
    },
    bodies={"application/json": FlagChange},
)
