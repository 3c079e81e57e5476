"""GET /v1/tasks: rows of the task table, newest first."""

from __future__ import annotations

from typing import get_args

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal, answer
from tmaxd.daemon.api.query import integer, known_only
from tmaxd.daemon.api.types import TaskList
from tmaxd.daemon.api.verb import Context, Parameter, Verb
from tmaxd.tasks.records import State, TaskFilter

STATES: tuple[State, ...] = get_args(State)
MAX_ROWS = 1000
"""A page is built as one piece; more comes by `before`."""


def _states(text: str | None) -> tuple[State, ...]:
    words = [] if text is None else text.split(",")
    for word in words:
        if word not in STATES:
            raise Refusal(
                400, "bad_parameter", f"state={word[:40]}: must be one of {', '.join(STATES)}"
            )
    return tuple(state for state in STATES if state in words)


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, ("group", "state", "before", "limit"))
    filters = TaskFilter(
        group=request.query.get("group"),
        states=_states(request.query.get("state")),
        before=integer(request, "before", None, 1, 2**63 - 1),
        limit=integer(request, "limit", 100, 1, MAX_ROWS) or 100,
    )
    return answer(TaskList(await context.facade.tasks(filters)))


VERB = Verb(
    "GET",
    "/v1/tasks",
    handle,
    "Tasks, newest first",
    {200: ("One page", "application/json", TaskList)},
    parameters=(
        Parameter("group", {"type": "string"}, "Only this group."),
        Parameter(
            "state",
            {"type": "array", "items": {"enum": list(STATES)}},
            "Only these states, separated by commas.",
        ),
        Parameter("before", {"type": "integer", "minimum": 1}, "Only ids below this one."),
        Parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": 100},
            "The most rows.",
        ),
    ),
)
