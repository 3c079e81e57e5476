"""GET /v1/diff: what one revision of the spec changes against another."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import integer, known_only
from tmaxd.daemon.api.types import Difference, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb

HIGHEST = 2**63 - 1


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ("old", "new"))
    old = integer(request, "old", None, 1, HIGHEST)
    new = integer(request, "new", None, 1, HIGHEST)
    return answer(await context.facade.difference(old, new))


VERB = Verb(
    "GET",
    "/v1/diff",
    handle,
    "What one revision of the spec changes against another, key by key",
    {
        200: ("The changes", "application/json", Difference),
        404: ("`unknown_revision`", "application/json", Refused),
    },
    parameters=(
        Parameter("old", {"type": "integer", "minimum": 1}, "Default: the one before `new`."),
        Parameter("new", {"type": "integer", "minimum": 1}, "Default: the one in force."),
    ),
)
