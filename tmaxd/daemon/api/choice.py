"""Which tasks a cancel or a retry is about, and their verdicts: one JSON object a line, as they are known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import msgspec
from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, fields
from tmaxd.daemon.api.query import known_only
from tmaxd.daemon.api.stream import streamed
from tmaxd.daemon.api.types import Refused, TaskChoice, TaskVerdict
from tmaxd.daemon.api.verb import Context
from tmaxd.daemon.api.wait import all_of
from tmaxd.ports import JournalError
from tmaxd.tasks.records import State, TaskFilter

Judge = Callable[[Sequence[int]], Awaitable[tuple[TaskVerdict, ...]]]

_body = msgspec.json.Decoder(TaskChoice)
_encode_lines = msgspec.json.Encoder().encode_lines

ANSWERS = {
    200: (
        "A verdict a line, as they are on disk; what fails in the middle is a last line of its own, a `Refused`",
        "application/x-ndjson",
        TaskVerdict,
    ),
    400: ("`bad_body`", "application/json", Refused),
    404: ("`unknown_group`", "application/json", Refused),
    413: ("`too_many_ids`", "application/json", Refused),
}


async def judged(
    context: Context, request: web.Request, judge: Judge, states: tuple[State, ...]
) -> web.StreamResponse:
    """`states`: those meant where the group is named and none is."""
    known_only(request, ())
    choice = _choice(await request.read())
    if choice.group is not None:  # before the answer begins: nobody may know the group
        await context.facade.tasks(TaskFilter(group=choice.group, limit=1))
    listed = all_of(choice.ids, choice.ranges, context.limits)
    with context.may_last():
        async with streamed(request, "application/x-ndjson") as response:
            try:
                async for ids in _pages(context, choice, listed, states):
                    await response.write(_encode_lines(await judge(ids)))
            except JournalError as error:
                last = fields(Refusal(503, "journal", str(error)))
                await response.write(_encode_lines([last]))
    return response


def _choice(body: bytes) -> TaskChoice:
    try:
        choice = _body.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refusal(
            400,
            "bad_body",
            f'expected {{"ids": [1, 2], "ranges": [[10, 5]], "group": "g"}}: {error}',
        ) from None
    if choice.states and choice.group is None:
        raise Refusal(
            400, "bad_body", "states without a group: they say which of its tasks are meant"
        )
    return choice


async def _pages(
    context: Context, choice: TaskChoice, listed: Sequence[int], states: tuple[State, ...]
) -> AsyncIterator[Sequence[int]]:
    size = context.limits.page
    for start in range(0, len(listed), size):
        yield listed[start : start + size]
    if choice.group is None:
        return
    filters = TaskFilter(group=choice.group, states=choice.states or states, limit=size)
    while True:
        # From the newest to the oldest, so that a task which comes meanwhile is not met.
        rows = await context.facade.tasks(filters)
        if rows:
            yield [row.id for row in rows]
        if len(rows) < size:
            return
        filters = msgspec.structs.replace(filters, before=rows[-1].id)
