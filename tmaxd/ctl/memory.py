"""The memory store as the verbs of `tmaxctl memory` see it: values in and out, pages, and what was refused."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

from tmaxd.ctl.api import Api
from tmaxd.ctl.errors import CtlError, WrongUsage

ENTRY: Final = "/v1/memory/entry"
ENTRIES: Final = "/v1/memory"
WATCH: Final = "/v1/memory/watch"
STATS: Final = "/v1/memory/stats"

CHUNK: Final = 1 << 20
"""Bytes of standard input that are read at a time."""

LARGEST: Final = 64 * 1024 * 1024
"""Bytes: what `store.max_value` can be at the most. More is not even read."""

PAGE: Final = 1000
"""Entries of one answer."""

Entry = dict[str, Any]


def given(text: str) -> bytes:
    """A value of the command line; `-` is standard input. Raises WrongUsage for one that no store can take."""
    if text != "-":
        return text.encode(errors="surrogateescape")
    pieces, size = [], 0
    while piece := sys.stdin.buffer.read(CHUNK):
        pieces.append(piece)
        size += len(piece)
        if size > LARGEST:
            raise WrongUsage(
                f"standard input has more than {LARGEST >> 20} MiB, which no value can have; keep it in a"
                " file and store the path",
                "too_large",
            )
    return b"".join(pieces)


def raw(entry: Entry) -> bytes:
    """The value as a program wants it: text as it is, other JSON as JSON, bytes."""
    if entry["kind"] == "bytes":
        from base64 import b64decode

        return b64decode(entry["bytes"])
    value = entry["value"]
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.encode(errors="replace")


def pages(api: Api, query: Mapping[str, object], most: int | None) -> Iterator[Entry]:
    """Entries by key, up to `most`, over as many answers as it takes."""
    after: str | None = ""
    left = most
    while after is not None and left != 0:
        limit = PAGE if left is None else min(left, PAGE)
        page = api.get(ENTRIES, {**query, "limit": limit, **({"after": after} if after else {})})
        yield from page["entries"]
        after = page["after"]
        left = None if left is None else left - len(page["entries"])


def write(api: Api, operation: Mapping[str, Any]) -> dict[str, Any]:
    """One operation. Raises CtlError where it was not done."""
    outcome: dict[str, Any] = api.post(ENTRIES, body={"operations": [operation]})["outcomes"][0]
    if outcome["outcome"] not in ("stored", "deleted", "absent"):
        raise CtlError(
            f"`{operation['key']}` in `{operation['ns']}`: {outcome['message']}",
            outcome["outcome"],
            {"key": operation["key"], **{k: v for k, v in outcome.items() if k != "outcome"}},
        )
    return outcome
