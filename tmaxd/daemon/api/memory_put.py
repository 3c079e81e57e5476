"""PUT /v1/memory/entry: one entry, its value as the body. The way for large values, which need not be encoded."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.memory_common import KEY, NS, outcome_of, place_of
from tmaxd.daemon.api.query import integer, known_only, number
from tmaxd.daemon.api.types import MemoryOutcome, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb
from tmaxd.store.entries import Kind, Outcome, Put
from tmaxd.store.values import BadValue, canonical, text_value

NAMES = ("ns", "key", "ttl", "if_version")
LONGEST_TTL = 316_224_000.0

STATUS = {"conflict": 409, "too_large": 413, "too_many_namespaces": 409}


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    ns, key = place_of(request, write=True)
    ttl = number(request, "ttl", 0.0, 0.001, LONGEST_TTL) if "ttl" in request.query else None
    if_version = integer(request, "if_version", None, 0, 2**63 - 1)
    body = await _body(request, context.facade.memory.max_value())
    kind, data = _value(body, request.content_type)
    (outcome,) = await context.facade.memory.write([Put(ns, key, kind, data, ttl, if_version)])
    if not outcome.done:
        raise _refused(outcome, ns, key)
    return answer(outcome_of(outcome))


async def _body(request: web.Request, limit: int) -> bytes:
    """Never more than `limit` is held, however much comes."""
    if (request.content_length or 0) > limit:
        raise too_large(request.content_length, limit)
    pieces, size = [], 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size > limit:
            raise too_large(None, limit)
        pieces.append(piece)
    return b"".join(pieces)


def too_large(size: int | None, limit: int) -> Refusal:
    have = "more" if size is None else str(size)
    return Refusal(
        413,
        "too_large",
        f"the value has {have} bytes, and may have {limit}: raise `store.max_value` in the spec, or keep it in a file"
        " and store the path. Nothing was stored",
    )


def _value(body: bytes, media: str) -> tuple[Kind, bytes]:
    try:
        match media:
            case "application/json":
                return "json", canonical(body)
            case "text/plain":
                return "json", text_value(body.decode())
            case _:
                return "bytes", body
    except (BadValue, UnicodeDecodeError) as error:
        raise Refusal(400, "bad_value", f"the body is not {media}: {error}") from None


def _refused(outcome: Outcome, ns: str, key: str) -> Refusal:
    return Refusal(
        STATUS.get(outcome.verdict, 409),
        outcome.verdict,
        f"`{key}` in `{ns}` was not stored: {outcome_of(outcome).message}",
    )


ANY = {"description": "The value."}

VERB = Verb(
    "PUT",
    "/v1/memory/entry",
    handle,
    "Store one entry, whose value is the body; the answer comes when it is on disk",
    {
        200: ("Stored", "application/json", MemoryOutcome),
        400: ("`bad_name`, `bad_value` or `bad_parameter`", "application/json", Refused),
        409: ("`conflict`, `read_only` or `too_many_namespaces`", "application/json", Refused),
        413: ("`too_large`", "application/json", Refused),
        503: ("`store`: nothing can be written at the moment", "application/json", Refused),
    },
    parameters=(
        NS,
        KEY,
        Parameter(
            "ttl", {"type": "number"}, "Seconds that it lives; else as its namespace has it."
        ),
        Parameter(
            "if_version",
            {"type": "integer", "minimum": 0},
            "Only if this is its version; 0: only if it is not there.",
        ),
    ),
    bodies={
        "application/json": ANY,
        "text/plain": {"type": "string", "description": "Stored as a JSON string."},
        "application/octet-stream": {"type": "string", "description": "Stored as bytes."},
    },
)
