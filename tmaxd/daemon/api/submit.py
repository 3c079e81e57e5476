"""POST /v1/tasks: payloads in, ids out once they are on disk.

A JSON array is for a few tasks. NDJSON is a stream: what has arrived is made durable while the next lines arrive, so
that batches grow with the sender's speed, a slow sender's line does not wait for a batch to fill, and nothing piles up.
Who accepts NDJSON gets the ids in the same way, as soon as they are on disk.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer, fields, refusal_of
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.lines import Lines
from tmaxd.daemon.api.payloads import Items, array_items, line_items
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.stream import streamed
from tmaxd.daemon.api.types import Accepted, AllAccepted, NewTask, Refused, Submission
from tmaxd.daemon.api.verb import Context, Limits, Verb
from tmaxd.daemon.api.wishes import NAMES, PARAMETERS, Run, wishes
from tmaxd.tasks.door import too_large
from tmaxd.tasks.records import State

ESCAPES = 6
"""A character that takes one byte takes at most six in JSON (`\\u0000`)."""

OBJECT = 4096
"""Bytes of a line beside its payload: what the options of a task take, and more."""

NDJSON = "application/x-ndjson"

_encode = msgspec.json.Encoder().encode

Sink = Callable[[bytes], Awaitable[None]]


class Taken:
    """What a request had accepted, neighbours joined."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []
        self._existing: list[int] = []
        self._states: list[State] = []

    def add(self, accepted: Accepted) -> None:
        if accepted.existing:
            self._existing.append(accepted.first_id)
            self._states.append(accepted.state or "queued")
        elif self._ranges and sum(self._ranges[-1]) == accepted.first_id:
            first, count = self._ranges.pop()
            self._ranges.append((first, count + accepted.count))
        else:
            self._ranges.append((accepted.first_id, accepted.count))

    def all(self) -> Submission:
        total = sum(count for _, count in self._ranges)
        return Submission(
            ranges=tuple(self._ranges),
            accepted=total,
            existing=tuple(self._existing),
            existing_states=tuple(self._states),
        )


class Submitter:
    """One request's tasks on their way to the journal. Those that are asked for alike go a batch at a time, so that a
    refusal leaves nothing behind it; others go together, since each is a submit of its own."""

    def __init__(self, context: Context, request: web.Request, group: str) -> None:
        self._context = context
        self._group = group
        self._wishes = wishes(request)
        self.sink: Sink | None = None
        """Gets each `Accepted` as a line."""
        self.taken = Taken()

    async def give(self, items: Items) -> None:
        """All that is good of them; raises Refusal for the first that is not, or that is refused."""
        self._check_key(items)
        runs = list(self._wishes.runs(items.items, self._context.wall()))
        if len(runs) == 1:
            for batch in batches(runs[0], self._context.limits):
                await self._alone(batch, items)
        else:
            parts = [batch for run in runs for batch in batches(run, self._context.limits)]
            step = self._context.limits.under_way
            for start in range(0, len(parts), step):
                await self._together(parts[start : start + step], items)
        if items.refusal is not None:
            body = items.refusal.body
            raise Refusal(items.refusal.status, body.error, body.message, self.taken.all())

    def _check_key(self, items: Items) -> None:
        if self._wishes.key is not None and items.before + len(items.items) > 1:
            message = (
                "key is the key of one task, and here are more: give each its own key, as an object"
            )
            raise Refusal(400, "bad_option", message, self.taken.all())

    async def _alone(self, part: Run, items: Items) -> None:
        try:
            await self._took(await self._submit(part))
        except Denied as denied:
            raise self._refusal(denied, part, items) from None

    async def _together(self, parts: Sequence[Run], items: Items) -> None:
        """Submit them all, then take the answers in order."""
        calls = [asyncio.ensure_future(self._submit(part)) for part in parts]
        first: tuple[Denied, Run] | None = None
        try:
            for call, part in zip(calls, parts, strict=True):
                try:
                    accepted = await call
                except Denied as denied:
                    first = first or (denied, part)
                    continue
                await self._took(accepted)
        finally:
            for call in calls:
                call.cancel()
            await asyncio.gather(*calls, return_exceptions=True)
        if first is not None:
            raise self._refusal(*first, items)

    async def _submit(self, part: Run) -> Accepted:
        _, options, payloads = part
        return await self._context.facade.submit(
            self._group, payloads, options, self._wishes.max_queue
        )

    async def _took(self, accepted: Accepted) -> None:
        self.taken.add(accepted)
        if self.sink is not None:
            await self.sink(_encode(accepted) + b"\n")

    def _refusal(self, denied: Denied, part: Run, items: Items) -> Refusal:
        place, _, payloads = part
        return refusal_of(denied, self.taken.all(), items.name(place, len(payloads)))


def batches(run: Run, limits: Limits) -> Iterator[Run]:
    """Cut by number and by size; one payload alone may be larger than the bound in bytes."""
    place, options, payloads = run
    for start in range(0, len(payloads), limits.batch):
        part = payloads[start : start + limits.batch]
        if sum(map(len, part)) <= limits.batch_bytes:
            yield place + start, options, part
        else:
            yield from _by_size((place + start, options, part), limits.batch_bytes)


def _by_size(run: Run, limit: int) -> Iterator[Run]:
    place, options, payloads = run
    start, size = 0, 0
    for index, payload in enumerate(payloads):
        if size + len(payload) > limit and index > start:
            yield place + start, options, payloads[start:index]
            start, size = index, 0
        size += len(payload)
    yield place + start, options, payloads[start:]


async def _stream(context: Context, request: web.Request, submitter: Submitter) -> None:
    limits = context.limits
    lines = Lines(request.content, limits.payload * ESCAPES + OBJECT)
    number = 0
    while data := await lines.next():
        await submitter.give(line_items(data, number, limits))
        number += data.count(b"\n")
    if lines.too_long:
        raise Refusal(
            413,
            "payload_too_large",
            too_large(f"line {number + 1}", None, limits.payload),
            submitter.taken.all(),
        )


async def _answer_in_lines(
    context: Context, request: web.Request, submitter: Submitter
) -> web.StreamResponse:
    """The head is out before the first task is looked at, so that a refusal is the last line."""
    async with streamed(request, NDJSON) as response:
        submitter.sink = response.write
        last: dict[str, object] | AllAccepted
        try:
            await _stream(context, request, submitter)
        except Refusal as refusal:
            last = fields(refusal)
        else:
            last = AllAccepted(submitter.taken.all().accepted)
        await response.write(_encode(last) + b"\n")
    return response


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    group = request.query.get("group")
    if not group:
        raise Refusal(400, "bad_parameter", "group is missing: POST /v1/tasks?group=GROUP")
    submitter = Submitter(context, request, group)
    match request.content_type:
        case "application/json":
            await submitter.give(array_items(await request.read(), context.limits))
        case "application/x-ndjson":
            with context.may_last():
                if NDJSON in request.headers.get("Accept", ""):
                    return await _answer_in_lines(context, request, submitter)
                await _stream(context, request, submitter)
        case other:
            raise Refusal(
                415,
                "bad_content_type",
                f"content type {other[:80]}: send a JSON array as application/json, or one task a line as"
                f" {NDJSON}",
            )
    return answer(submitter.taken.all())


TASK: dict[str, Any] = {
    "oneOf": [{"type": "string"}, {"$ref": "#/components/schemas/NewTask"}],
}

VERB = Verb(
    "POST",
    "/v1/tasks",
    handle,
    "Submit tasks; the answer comes when all of them are on disk. To who accepts application/x-ndjson it is a stream: "
    "an `Accepted` a line, as soon as these tasks are on disk, and at the end an `AllAccepted` or a `Refused`",
    {
        200: ("Accepted", "application/json", Submission),
        400: (
            "`bad_payload`, `bad_option`, `bad_body` or `bad_parameter`",
            "application/json",
            Refused,
        ),
        404: ("`unknown_group`", "application/json", Refused),
        409: ("`not_a_task_group` or `key_conflict`", "application/json", Refused),
        413: ("`payload_too_large` or `body_too_large`", "application/json", Refused),
        415: ("`bad_content_type`", "application/json", Refused),
        429: ("`queue_full`", "application/json", Refused),
        503: ("`journal`: nothing can be written at the moment", "application/json", Refused),
    },
    parameters=PARAMETERS,
    bodies={
        "application/json": {"type": "array", "items": TASK},
        NDJSON: {
            "type": "string",
            "description": "A JSON string or a NewTask a line, in any amount.",
        },
    },
    more=(NewTask, Accepted, AllAccepted),
)
