"""POST /v1/memory: many operations on the memory store, in one commit."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.memory_common import check, outcome_of, unpacked
from tmaxd.daemon.api.memory_put import too_large
from tmaxd.daemon.api.query import body_of, known_only
from tmaxd.daemon.api.types import (
    DeleteOp,
    IncrOp,
    MemoryOutcome,
    MemoryWrite,
    MemoryWritten,
    PutOp,
    Refused,
)
from tmaxd.daemon.api.types.memory import Op
from tmaxd.daemon.api.verb import Context, Verb
from tmaxd.store.entries import Delete, Incr, Operation, Put
from tmaxd.store.values import BadValue, canonical

EXAMPLE = '{"operations": [{"op": "put", "ns": "notes", "key": "a", "value": 1}]}'

_decoder = msgspec.json.Decoder(MemoryWrite)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    if (request.content_length or 0) > context.limits.body:
        raise too_large(request.content_length, context.limits.body)
    asked = await body_of(request, _decoder, EXAMPLE)
    operations = [_operation(op, place) for place, op in enumerate(asked.operations, 1)]
    outcomes = await context.facade.memory.write(operations)
    return answer(MemoryWritten(tuple(map(outcome_of, outcomes))))


def _operation(op: Op, place: int) -> Operation:
    try:
        check(op.ns, op.key, write=True)
    except Refusal as refusal:
        message = f"operation {place}: {refusal.body.message}. Nothing was done"
        raise Refusal(refusal.status, refusal.body.error, message) from None
    match op:
        case DeleteOp():
            return Delete(op.ns, op.key, op.if_version)
        case IncrOp():
            return Incr(op.ns, op.key, op.by, op.ttl)
    return _put(op, place)


def _put(op: PutOp, place: int) -> Put:
    try:
        if op.bytes is None and op.value is not msgspec.UNSET:
            data = canonical(bytes(op.value))
            return Put(op.ns, op.key, "json", data, op.ttl, op.if_version)
        if op.bytes is not None and op.value is msgspec.UNSET:
            return Put(op.ns, op.key, "bytes", unpacked(op.bytes), op.ttl, op.if_version)
        raise ValueError("give one of value and bytes")
    except (BadValue, ValueError) as error:
        message = f"operation {place} (`{op.key}`): {error}. Nothing was done"
        raise Refusal(400, "bad_value", message) from None


VERB = Verb(
    "POST",
    "/v1/memory",
    handle,
    "Put, delete and count up in the memory store; the answer comes when all of it is on disk. Each operation is judged"
    " by itself, in their order: one that is not done does not keep the others from it",
    {
        200: ("What came of each", "application/json", MemoryWritten),
        400: ("`bad_name`, `bad_value` or `bad_body`", "application/json", Refused),
        409: ("`read_only`", "application/json", Refused),
        413: ("`too_large` or `body_too_large`", "application/json", Refused),
        503: ("`store`: nothing can be written at the moment", "application/json", Refused),
    },
    bodies={"application/json": MemoryWrite},
    more=(PutOp, DeleteOp, IncrOp, MemoryOutcome),
)
