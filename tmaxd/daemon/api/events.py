"""GET /v1/events: what happened, oldest first; and, followed, what happens."""

from __future__ import annotations

import asyncio

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import flag, integer, known_only, word
from tmaxd.daemon.api.stream import streamed
from tmaxd.daemon.api.types import Event, EventList, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb
from tmaxd.ports import EventFilter

MAX_ROWS = 1000
"""A page is built as one piece; more comes by `since`."""

LONGEST = 100
NAMES = ("since", "worker", "group", "event", "last", "limit", "follow")

_encode = msgspec.json.Encoder().encode


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    events = word(request, "event", 1000)
    filters = EventFilter(
        since=integer(request, "since", 0, 0, 2**63 - 1) or 0,
        worker=word(request, "worker", LONGEST),
        group=word(request, "group", LONGEST),
        names=tuple(events.split(",")) if events else (),
        last=flag(request, "last"),
        limit=integer(request, "limit", MAX_ROWS, 1, MAX_ROWS) or MAX_ROWS,
    )
    if not flag(request, "follow"):
        return answer(EventList(await context.facade.events(filters)))
    with context.may_last():
        async with streamed(request, "application/x-ndjson") as response:
            await _follow(context, filters, response)
    return response


async def _follow(context: Context, filters: EventFilter, response: web.StreamResponse) -> None:
    """Each event is read from the disk, so a client that lags loses none, and costs no memory."""
    facade = context.facade
    while True:
        newest = facade.last_event()
        found = await facade.events(filters)
        await _send(found, response)
        if filters.last or len(found) < filters.limit:
            # All there was up to `newest`: what does not pass the filter need not be looked at again.
            since = max([filters.since, newest, *(event.seq for event in found)])
            filters = msgspec.structs.replace(filters, since=since, last=False, limit=MAX_ROWS)
            while not await _more(context, since):
                await response.write(b"\n")
        else:
            filters = msgspec.structs.replace(filters, since=found[-1].seq)


async def _more(context: Context, seq: int) -> bool:
    """False: nothing came for so long that the client wants to see that the connection lives."""
    try:
        async with asyncio.timeout(context.keep_alive):
            await context.facade.later_event(seq)
    except TimeoutError:
        return False
    return True


async def _send(events: tuple[Event, ...], response: web.StreamResponse) -> None:
    if events:
        await response.write(b"".join(_encode(event) + b"\n" for event in events))


VERB = Verb(
    "GET",
    "/v1/events",
    handle,
    "Events, oldest first; with `follow`, one a line, and whatever happens from then on",
    {
        200: ("One page, or the stream", "application/json", EventList),
        400: ("`bad_parameter`", "application/json", Refused),
    },
    parameters=(
        Parameter(
            "since",
            {"type": "integer", "minimum": 0, "default": 0},
            "Only events with a higher number. Numbers are never used again, and a repeat has one of its own.",
        ),
        Parameter("worker", {"type": "string"}, "Only events of this worker."),
        Parameter("group", {"type": "string"}, "Only events of this group and its workers."),
        Parameter("event", {"type": "string"}, "Only events of these names, separated by commas."),
        Parameter(
            "last", {"type": "boolean", "default": False}, "The last ones instead of the first."
        ),
        Parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": MAX_ROWS},
            "The most events of a page.",
        ),
        Parameter(
            "follow",
            {"type": "boolean", "default": False},
            "Go on: a line for each event, a blank one now and then, until the client leaves.",
        ),
    ),
)
