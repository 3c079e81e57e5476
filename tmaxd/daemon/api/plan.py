"""GET /v1/plan: what a reload, or saving another file as the spec, would do, action by action; changes nothing."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import PlanResult
from tmaxd.daemon.api.verb import Context, Parameter, Verb


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ("spec",))
    text = request.query.get("spec")
    if text is None:
        return answer(await context.facade.plan())
    if not text.startswith("/"):
        raise Refusal(400, "bad_parameter", f"spec={text[:200]}: must be an absolute path")
    return answer(await context.facade.plan(Path(text)))


VERB = Verb(
    "GET",
    "/v1/plan",
    handle,
    "What a reload would do, action by action, each with its reason",
    {200: ("The plan", "application/json", PlanResult)},
    parameters=(
        Parameter(
            "spec",
            {"type": "string"},
            "Absolute path of a file: what saving its content over the spec file would do.",
        ),
    ),
)
