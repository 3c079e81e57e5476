"""POST /v1/tasks: payloads in, ids out once they are on disk.

A JSON array is for a few tasks. NDJSON is a stream: whatever has arrived is made durable before more
is read, so that the sender is held back by the disk and nothing piles up; a slow producer's line does
not wait for a batch to fill. A refusal in the middle says what was accepted before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer, refusal_of
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.lines import Lines
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.types import Accepted, Refused, Submission
from tmaxd.daemon.api.verb import Context, Limits, Parameter, Verb

ESCAPES = 6
"""A character that takes one byte takes at most six in JSON (`\\u0000`)."""

_payload = msgspec.json.Decoder(str)
_payloads = msgspec.json.Decoder(list[str])


class Ranges:
    """Accepted ids, neighbours joined."""

    def __init__(self) -> None:
        self._ranges: list[tuple[int, int]] = []

    def add(self, accepted: Accepted) -> None:
        if self._ranges and sum(self._ranges[-1]) == accepted.first_id:
            first, count = self._ranges.pop()
            self._ranges.append((first, count + accepted.count))
        else:
            self._ranges.append((accepted.first_id, accepted.count))

    def all(self) -> tuple[tuple[int, int], ...]:
        return tuple(self._ranges)


class Submitter:
    """One request's payloads on their way to the journal, a batch at a time."""

    def __init__(self, context: Context, group: str) -> None:
        self._facade = context.facade
        self._limits = context.limits
        self._group = group
        self.ranges = Ranges()

    async def give(self, payloads: Sequence[str]) -> None:
        for batch in batches(payloads, self._limits):
            try:
                self.ranges.add(await self._facade.submit(self._group, batch))
            except Denied as denied:
                raise refusal_of(denied, self.ranges.all()) from denied

    def refuse(self, status: int, error: str, message: str) -> Refusal:
        return Refusal(status, error, message, self.ranges.all())


def batches(payloads: Sequence[str], limits: Limits) -> Iterator[Sequence[str]]:
    """Cut by number and by size; one payload alone may be larger than the bound in bytes."""
    start, size = 0, 0
    for index, payload in enumerate(payloads):
        full = index - start == limits.batch or size + len(payload) > limits.batch_bytes
        if full and index > start:
            yield payloads[start:index]
            start, size = index, 0
        size += len(payload)
    if start < len(payloads):
        yield payloads[start:]


def check_size(payload: str, which: str, limits: Limits) -> None:
    size = len(payload) if payload.isascii() else len(payload.encode())
    if size > limits.payload:
        raise _too_large(which, f"has {size:,} bytes", limits)


def _too_large(which: str, has: str, limits: Limits) -> Refusal:
    return Refusal(
        413,
        "payload_too_large",
        f"{which} {has}; the limit is {limits.payload:,} (put the data into a file and submit its path)",
    )


def decode(line: bytes, number: int, limits: Limits) -> str:
    try:
        payload = _payload.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "bad_payload", f"line {number} is not a JSON string: {error}") from None
    check_size(payload, f"line {number}", limits)
    return payload


async def _stream(context: Context, request: web.Request, submitter: Submitter) -> None:
    limits = context.limits
    lines = Lines(limits.payload * ESCAPES + 2)
    async for data in request.content.iter_any():
        before = lines.number
        await _give_lines(submitter, lines.feed(data), before, limits)
        if lines.too_long:
            raise submitter.refuse(
                413,
                "payload_too_large",
                f"line {lines.number + 1} is over {limits.payload:,} bytes, the limit for a payload",
            )
    if rest := lines.rest():
        await _give_lines(submitter, [rest], lines.number, limits)


async def _give_lines(
    submitter: Submitter, lines: Sequence[bytes], before: int, limits: Limits
) -> None:
    """Lines up to the first bad one are accepted, so that the answer can say where to go on."""
    good: list[str] = []
    try:
        for number, line in enumerate(lines, before + 1):
            if line.strip():
                good.append(decode(line, number, limits))
    except Refusal as refusal:
        await submitter.give(good)
        body = refusal.body
        raise submitter.refuse(refusal.status, body.error, body.message) from None
    await submitter.give(good)


async def _array(context: Context, request: web.Request, submitter: Submitter) -> None:
    try:
        payloads = _payloads.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(400, "bad_body", f"not a JSON array of strings: {error}") from None
    for number, payload in enumerate(payloads, 1):
        check_size(payload, f"payload {number}", context.limits)
    await submitter.give(payloads)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ("group",))
    group = request.query.get("group")
    if not group:
        raise Refusal(400, "bad_parameter", "group is missing: POST /v1/tasks?group=GROUP")
    submitter = Submitter(context, group)
    match request.content_type:
        case "application/json":
            await _array(context, request, submitter)
        case "application/x-ndjson":
            with context.may_last():
                await _stream(context, request, submitter)
        case other:
            raise Refusal(
                415,
                "bad_content_type",
                f"content type {other[:80]}: send a JSON array of strings as application/json, or one"
                " JSON string a line as application/x-ndjson",
            )
    ranges = submitter.ranges.all()
    return answer(Submission(ranges=ranges, accepted=sum(count for _, count in ranges)))


VERB = Verb(
    "POST",
    "/v1/tasks",
    handle,
    "Submit tasks; the answer comes when all of them are on disk",
    {
        200: ("Accepted", "application/json", Submission),
        400: ("`bad_payload`, `bad_body` or `bad_parameter`", "application/json", Refused),
        404: ("`unknown_group`", "application/json", Refused),
        409: ("`not_a_task_group`", "application/json", Refused),
        413: ("`payload_too_large` or `body_too_large`", "application/json", Refused),
        415: ("`bad_content_type`", "application/json", Refused),
        503: ("`journal`: nothing can be written at the moment", "application/json", Refused),
    },
    parameters=(Parameter("group", {"type": "string"}, "The group to work on them.", True),),
    bodies={
        "application/json": {"type": "array", "items": {"type": "string"}},
        "application/x-ndjson": {
            "type": "string",
            "description": "One JSON string a line, in any amount.",
        },
    },
)
