"""POST /v1/reload: look at the spec file now, apply it, and wait until the fleet has converged or is stuck."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import known_only, number
from tmaxd.daemon.api.types import ReloadResult
from tmaxd.daemon.api.verb import Context, Parameter, Verb

MAX_WAIT = 3600.0


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ("wait",))
    wait = number(request, "wait", default=10.0, low=0.0, high=MAX_WAIT)
    return answer(await context.facade.reload(wait))


VERB = Verb(
    "POST",
    "/v1/reload",
    handle,
    "Look at the spec file now, apply it if it is good, and wait until the fleet has converged or is stuck",
    {200: ("The outcome; a rejected spec is one too", "application/json", ReloadResult)},
    parameters=(
        Parameter(
            "wait",
            {"type": "number", "minimum": 0, "maximum": MAX_WAIT, "default": 10},
            "Seconds to wait for convergence; 0: not at all.",
        ),
    ),
)
