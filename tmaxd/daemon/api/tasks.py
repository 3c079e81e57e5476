"""GET /v1/tasks: rows of the task table, newest first."""

from __future__ import annotations

from typing import get_args

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.query import integer, known_only, one_of
from tmaxd.daemon.api.types import Refused, TaskList
from tmaxd.daemon.api.verb import Context, Parameter, Verb
from tmaxd.tasks.records import State, TaskFilter

STATES: tuple[State, ...] = get_args(State)
MAX_ROWS = 1000
"""A page is built as one piece; more comes by `before`."""

NAMES = ("group", "state", "worker", "key", "source", "before", "limit")


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    filters = TaskFilter(
        group=request.query.get("group"),
        states=one_of(request, "state", STATES),
        worker=request.query.get("worker"),
        key=request.query.get("key"),
        source=integer(request, "source", None, 1, 2**63 - 1),
        before=integer(request, "before", None, 1, 2**63 - 1),
        limit=integer(request, "limit", 100, 1, MAX_ROWS) or 100,
    )
    return answer(TaskList(await context.facade.tasks(filters)))


VERB = Verb(
    "GET",
    "/v1/tasks",
    handle,
    "Tasks, newest first",
    {
        200: ("One page", "application/json", TaskList),
        404: ("`unknown_group` or `unknown_worker`", "application/json", Refused),
    },
    parameters=(
        Parameter("group", {"type": "string"}, "Only this group."),
        Parameter(
            "state",
            {"type": "array", "items": {"enum": list(STATES)}},
            "Only these states, separated by commas or given several times.",
        ),
        Parameter("worker", {"type": "string"}, "Only those that this worker has, or had last."),
        Parameter("key", {"type": "string"}, "Only those submitted with this key."),
        Parameter(
            "source",
            {"type": "integer", "minimum": 1},
            "Only those that the end of this task made, by a route.",
        ),
        Parameter("before", {"type": "integer", "minimum": 1}, "Only ids below this one."),
        Parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": 100},
            "The most rows.",
        ),
    ),
)
