"""GET /v1/memory: the entries of a namespace, by key; all, or those in which a text is found."""

from __future__ import annotations

from aiohttp import web

from tmaxd.daemon.api.answers import answer
from tmaxd.daemon.api.memory_common import (
    LONGEST_PREFIX,
    LONGEST_TEXT,
    NS,
    namespace_of,
    shown,
)
from tmaxd.daemon.api.query import flag, integer, known_only, word
from tmaxd.daemon.api.types import MemoryEntry, MemoryPage, Refused
from tmaxd.daemon.api.verb import Context, Parameter, Verb

MAX_ROWS = 1000
PAGE = 100
NAMES = ("ns", "prefix", "text", "after", "limit", "values")


async def handle(context: Context, request: web.Request) -> web.StreamResponse:
    known_only(request, NAMES)
    ns, memory = namespace_of(request), context.facade.memory
    prefix = request.query.get("prefix", "")[: LONGEST_PREFIX + 1]
    after = request.query.get("after", "")[: LONGEST_PREFIX + 1]
    text = word(request, "text", LONGEST_TEXT)
    limit = integer(request, "limit", PAGE, 1, MAX_ROWS) or PAGE
    values = flag(request, "values")
    seq = await memory.last_change()
    if text is None:
        page = await memory.page(ns, prefix, after, limit, values=values)
    else:
        page = await memory.search(ns, prefix, text, after, limit)
    sizes = zip(page.entries, page.sizes, strict=True)
    rows = tuple(shown(entry, None if values else size) for entry, size in sizes)
    return answer(MemoryPage(entries=rows, after=page.after, seq=seq))


VERB = Verb(
    "GET",
    "/v1/memory",
    handle,
    "Entries of a namespace of the memory store, by key",
    {
        200: ("One page", "application/json", MemoryPage),
        400: ("`bad_name` or `bad_parameter`", "application/json", Refused),
        503: ("`store`: it cannot be read at the moment", "application/json", Refused),
    },
    parameters=(
        NS,
        Parameter("prefix", {"type": "string"}, "Only keys that begin so."),
        Parameter(
            "text",
            {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT},
            "Only entries with this text in the key, or in a text of a JSON value, upper or lower case.",
        ),
        Parameter("after", {"type": "string"}, "Only keys behind this one."),
        Parameter(
            "limit",
            {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": PAGE},
            "The most entries of a page.",
        ),
        Parameter("values", {"type": "boolean", "default": False}, "With their values."),
    ),
    more=(MemoryEntry,),
)
