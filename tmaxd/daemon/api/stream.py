"""A body sent piece by piece: either the client gets the whole of it, or it sees a broken one."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

log = logging.getLogger("tmaxd.api")


@asynccontextmanager
async def streamed(
    request: web.Request, content_type: str, charset: str | None = None
) -> AsyncIterator[web.StreamResponse]:
    """The head is sent on entry, so from then on an error cannot become an answer: it cuts the connection
    before the last chunk. A client that has gone away ends the block without noise."""
    response = web.StreamResponse()
    response.content_type = content_type
    response.charset = charset
    await response.prepare(request)
    try:
        yield response
        await response.write_eof()
    except ConnectionError:
        return
    except Exception:  # whatever it is, the client must not take the part for the whole
        log.exception("api.stream_cut", extra={"path": request.path})
        if request.transport is not None:
            request.transport.abort()
