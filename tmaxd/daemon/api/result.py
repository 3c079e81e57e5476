"""GET /v1/tasks/{id}/result: the result as text, from the journal or from the spool.

A worker names its result file itself, so the path is not trusted: it must lie in the spool, be a
regular file, and no part of it may be a symbolic link.
"""

from __future__ import annotations

import asyncio
import os

from aiohttp import web

from tmaxd.daemon.api.answers import Refusal
from tmaxd.daemon.api.stream import streamed
from tmaxd.daemon.api.task import ID, find
from tmaxd.daemon.api.types import Refused
from tmaxd.daemon.api.verb import Context, Verb
from tmaxd.inside import open_inside
from tmaxd.tasks.records import TaskStory

CHUNK = 256 * 1024
"""Bytes read and sent at a time."""


def _check_ended(story: TaskStory) -> None:
    task = story.task
    if task.state == "dead":
        raise Refusal(409, "task_dead", f"task {task.id} is dead: {task.error or 'no error text'}")
    if task.state == "cancelled":
        raise Refusal(409, "task_cancelled", f"task {task.id} was cancelled; it has no result")
    if task.state != "done":
        raise Refusal(409, "not_ended", f"task {task.id} is {task.state}; it has no result yet")


async def _send_file(request: web.Request, file: int) -> web.StreamResponse:
    try:
        async with streamed(request, "text/plain", "utf-8") as response:
            while data := await asyncio.to_thread(os.read, file, CHUNK):
                await response.write(data)
    finally:
        os.close(file)
    return response


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    story = await find(context, request)
    _check_ended(story)
    if story.result_file is None:
        return web.Response(text=story.result or "", content_type="text/plain", charset="utf-8")
    path = story.result_file
    try:
        file = await asyncio.to_thread(open_inside, context.spool, path)
    except ValueError as error:
        raise Refusal(
            409, "bad_result_file", f"{path}: not a regular file inside {context.spool}"
        ) from error
    except OSError as error:
        raise Refusal(
            410, "result_gone", f"{path}: the result file cannot be read: {error.strerror}"
        ) from error
    return await _send_file(request, file)


VERB = Verb(
    "GET",
    "/v1/tasks/{id}/result",
    handle,
    "The result of a task that is done, as it was given",
    {
        200: ("The result", "text/plain", {"type": "string"}),
        404: ("No such task", "application/json", Refused),
        409: (
            "`not_ended`, `task_dead`, `task_cancelled`, or `bad_result_file`",
            "application/json",
            Refused,
        ),
        410: ("`result_gone`: its file cannot be read any more", "application/json", Refused),
    },
    parameters=(ID,),
)
