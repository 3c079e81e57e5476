"""POST /v1/memory/cleanup: entries of the memory store whose time is over, or that were not written for long, go."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.query import flag, known_only, number
from tmaxd.daemon.api.types import MemoryCleaned, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb
from tmaxd.store.names import namespace_problem

NAMES = ("ttl", "ns", "dry")
LONGEST = 1e10
"""Seconds."""


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    ttl = number(request, "ttl", 0.0, 0.0, LONGEST) if "ttl" in request.query else None
    namespaces = tuple(request.query.getall("ns", ()))
    for ns in namespaces:
        if why := namespace_problem(ns):
            raise Refusal(400, "bad_name", why)
    return answer(await context.facade.memory.clean(ttl, namespaces, dry=flag(request, "dry")))


VERB = Verb(
    "POST",
    "/v1/memory/cleanup",
    handle,
    "Delete entries whose time is over, and those not written for long, in slices; answers when they are gone",
    {
        200: ("What went", "application/json", MemoryCleaned),
        400: ("`bad_name` or `bad_parameter`", "application/json", Refused),
        503: ("`store`: nothing can be written at the moment", "application/json", Refused),
    },
    parameters=(
        Parameter("ttl", {"type": "number", "minimum": 0}, "Seconds not written; else any time."),
        Parameter(
            "ns",
            {"type": "array", "items": {"type": "string"}},
            "With `ttl`: only these namespaces; given several times.",
        ),
        Parameter("dry", {"type": "boolean", "default": False}, "Only tell what would go."),
    ),
)
