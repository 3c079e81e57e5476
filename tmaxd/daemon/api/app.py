"""The aiohttp application: the list of verbs, the door, and errors as JSON.

Importing this imports aiohttp (150 ms), which is why only `server.start` does so, once the workers
are on their way.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from functools import partial

from aiohttp import web

from tmaxd.daemon.api import (
    awaiting,
    cancel,
    cleanup,
    diff,
    down,
    events,
    flag_set,
    flags,
    memory_cleanup,
    memory_entry,
    memory_list,
    memory_put,
    memory_stats,
    memory_watch,
    memory_write,
    order,
    ping,
    plan,
    reload,
    result,
    retry,
    revisions,
    rollback,
    status,
    submit,
    task,
    tasks,
    wait,
)
from tmaxd.daemon.api.answers import Refusal, refusal_of, refuse
from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.peer import may_enter, peer_uid
from tmaxd.daemon.api.verb import Context, Verb
from tmaxd.ports import JournalError, Unknown
from tmaxd.ports.store import StoreError

VERBS: tuple[Verb, ...] = (
    ping.VERB,
    status.VERB,
    reload.VERB,
    plan.VERB,
    submit.VERB,
    tasks.VERB,
    task.VERB,
    result.VERB,
    cancel.VERB,
    retry.VERB,
    wait.VERB,
    events.VERB,
    memory_entry.VERB,
    memory_put.VERB,
    memory_list.VERB,
    memory_write.VERB,
    memory_watch.VERB,
    memory_stats.VERB,
    memory_cleanup.VERB,
    order.VERB,
    flags.VERB,
    flag_set.VERB,
    revisions.VERB,
    diff.VERB,
    rollback.VERB,
    awaiting.VERB,
    cleanup.VERB,
    down.VERB,
)

Next = Callable[[web.Request], Awaitable[web.StreamResponse]]

log = logging.getLogger("tmaxd.api")


def build(context: Context, owners: AbstractSet[int]) -> web.Application:
    """`owners`: the user ids that are let in."""

    @web.middleware
    async def door(request: web.Request, handler: Next) -> web.StreamResponse:
        transport = request.transport
        connection = transport.get_extra_info("socket") if transport is not None else None
        uid = None if connection is None else peer_uid(connection)
        if may_enter(uid, owners):
            return await handler(request)
        log.warning("api.peer_refused", extra={"uid": uid})
        return refuse(
            Refusal(403, "forbidden", f"user id {uid} is neither the fleet's owner nor root")
        )

    app = web.Application(
        middlewares=[door, _errors], client_max_size=context.limits.body, logger=log
    )
    for verb in VERBS:
        app.router.add_route(verb.method, verb.path, partial(verb.handle, context))
    return app


@web.middleware
async def _errors(request: web.Request, handler: Next) -> web.StreamResponse:
    try:
        return await handler(request)
    except Refusal as refusal:
        return _closing(refuse(refusal), request)
    except Denied as denied:
        return _closing(refuse(refusal_of(denied)), request)
    except JournalError as error:
        return refuse(Refusal(503, "journal", str(error)))
    except StoreError as error:
        return refuse(Refusal(503, "store", str(error)))
    except Unknown as error:
        return refuse(Refusal(503, "unknown", f"no whole answer in time: {error}"))
    except web.HTTPException as error:
        return _closing(_http(request, error), request)
    except Exception:  # the last net: a bug answers instead of hanging the caller
        log.exception("api.bug", extra={"path": request.path})
        return refuse(Refusal(500, "internal", "a bug in the daemon; its log has the traceback"))


def _closing(response: web.Response, request: web.Request) -> web.Response:
    """A refusal in mid-body ends the connection: what is still under way is of no use."""
    if not request.content.at_eof():
        response.force_close()
    return response


def _http(request: web.Request, error: web.HTTPException) -> web.Response:
    where = f"{request.method} {request.path[:100]}"
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return refuse(Refusal(405, "bad_method", f"{where}: allowed: {allowed}"))
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return refuse(Refusal(413, "body_too_large", f"{where}: {error.text}"))
    if isinstance(error, web.HTTPNotFound):
        return refuse(Refusal(404, "no_such_path", f"{where}: no such path; see `schema --api`"))
    return refuse(Refusal(error.status, "bad_request", f"{where}: {error.reason}"))
