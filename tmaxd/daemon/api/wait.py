"""POST /v1/wait: a stream of task ends, one JSON object a line, until every task asked for has ended.

A blank line comes every few seconds of silence: it tells the client that the daemon lives, and the
daemon that the client is still there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal
from tmaxd.daemon.api.ids import Ids
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.stream import streamed
from tmaxd.daemon.api.types import Refused, TaskEnd, WaitFor
from tmaxd.daemon.api.verb import Context, Limits, Verb

AHEAD = 4096
"""Ends read ahead of a slow client; more wait in the facade."""

_body = msgspec.json.Decoder(WaitFor)
_end = msgspec.json.Encoder()

Ends = asyncio.Queue[TaskEnd | Exception | None]
"""None after the last; an exception instead when the facade fails."""


def all_of(ids: Sequence[int], ranges: Sequence[tuple[int, int]], limits: Limits) -> Ids:
    """Every id named, once each, in ascending order."""
    for first, count in ranges:
        if first < 1 or count < 0:
            raise Refusal(400, "bad_body", f"range [{first}, {count}]: from id 1 on, 0 or more")
    total = len(ids) + sum(count for _, count in ranges)
    if total > limits.waits:
        raise Refusal(413, "too_many_ids", f"{total:,} ids; the limit is {limits.waits:,}")
    return Ids(ids, ranges)


async def _pump(ends: AsyncIterator[TaskEnd], queue: Ends) -> None:
    try:
        async for end in ends:
            await queue.put(end)
    except Exception as error:  # noqa: BLE001  carried to the stream's own task, which reports it
        await queue.put(error)
    else:
        await queue.put(None)


async def _copy(queue: Ends, response: web.StreamResponse, keep_alive: float) -> None:
    """Everything at hand goes out as one write."""
    while True:
        try:
            async with asyncio.timeout(keep_alive):
                end = await queue.get()
        except TimeoutError:
            await response.write(b"\n")
            continue
        lines: list[bytes] = []
        while isinstance(end, TaskEnd):
            lines.append(_end.encode(end) + b"\n")
            if queue.empty():
                break
            end = queue.get_nowait()
        if lines:
            await response.write(b"".join(lines))
        if isinstance(end, Exception):
            raise end
        if end is None:
            return


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ())
    try:
        body = _body.decode(await request.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(
            400, "bad_body", f'expected {{"ids": [1, 2], "ranges": [[10, 5]]}}: {error}'
        ) from None
    ids = all_of(body.ids, body.ranges, context.limits)
    del body  # up to a million numbers
    queue: Ends = asyncio.Queue(AHEAD)
    ends = context.facade.wait(ids)
    pump = asyncio.create_task(_pump(ends, queue))
    try:
        with context.may_last():
            async with streamed(request, "application/x-ndjson") as response:
                await _copy(queue, response, context.keep_alive)
    finally:
        pump.cancel()
        await asyncio.wait([pump])
    return response


VERB = Verb(
    "POST",
    "/v1/wait",
    handle,
    "Wait for tasks to end: a line for each end, a blank line now and then, closed after the last",
    {
        200: ("The ends, as they come, one a line", "application/x-ndjson", TaskEnd),
        400: ("`bad_body`", "application/json", Refused),
        413: ("`too_many_ids`", "application/json", Refused),
    },
    bodies={"application/json": WaitFor},
)
