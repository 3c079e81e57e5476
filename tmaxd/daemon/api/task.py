"""GET /v1/tasks/{id}: the story of one task."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.query import known_only, task_id
from tmaxd.daemon.api.types import Refused, Story
from tmaxd.daemon.api.verb import Context, Parameter, Verb

ID = Parameter("id", {"type": "integer", "minimum": 1}, "The task's id.", required=True)


async def find(context: Context, request: web.Request) -> Story:
    """The task that the path names; a refusal when there is none."""
    known_only(request, ())
    number = task_id(request)
    story = await context.facade.story(number)
    if story is None:
        raise Refusal(404, "no_such_task", f"there is no task {number}")
    return story


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    return answer(await find(context, request))


VERB = Verb(
    "GET",
    "/v1/tasks/{id}",
    handle,
    "One task whole: payload, every attempt, result; while it runs, how far it is",
    {
        200: ("The story", "application/json", Story),
        404: ("No such task", "application/json", Refused),
    },
    parameters=(ID,),
)
