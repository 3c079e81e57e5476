"""What the verbs of the memory store share: the names that a request gives, and entries as they are answered."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec
from aiohttp import web
from msgspec import UNSET, UnsetType

from tmaxd.daemon.api.answers import Refusal
from tmaxd.daemon.api.types.memory import MemoryEntry, MemoryOutcome
from tmaxd.daemon.api.verb import Parameter
from tmaxd.daemon.storeframes import refusal
from tmaxd.store.entries import Entry, Outcome
from tmaxd.store.names import namespace_problem, read_only, readable

DEFAULT: Final = "default"
"""The namespace where none is named."""

LONGEST_PREFIX: Final = 512
LONGEST_TEXT: Final = 256

NS = Parameter("ns", {"type": "string", "default": DEFAULT}, "The namespace.")
KEY = Parameter("key", {"type": "string", "minLength": 1}, "Text of at most 512 bytes.", True)


def place_of(request: web.Request, *, write: bool = False) -> tuple[str, str]:
    """The namespace and key that the query names."""
    ns, key = request.query.get("ns", DEFAULT), request.query.get("key", "")
    check(ns, key, write=write)
    return ns, key


def namespace_of(request: web.Request) -> str:
    ns = request.query.get("ns", DEFAULT)
    if why := namespace_problem(ns):
        raise Refusal(400, "bad_name", why)
    return ns


def check(ns: str, key: str, *, write: bool) -> None:
    """Raises Refusal."""
    if why := readable(ns, key):
        raise Refusal(400, "bad_name", why)
    if write and read_only(ns):
        raise Refusal(
            409,
            "read_only",
            f"the namespace `{ns}` shows the fleet's workers and is read-only; store in another one",
        )


def shown(entry: Entry, size: int | None = None) -> MemoryEntry:
    """`size`: of its value, which is left out then."""
    value: msgspec.Raw | UnsetType = UNSET
    data = None
    if size is None and entry.kind == "json":
        value = msgspec.Raw(entry.data)
    elif size is None:
        data = base64.b64encode(entry.data).decode()
    return MemoryEntry(
        ns=entry.ns,
        key=entry.key,
        version=entry.version,
        kind=entry.kind,
        size=len(entry.data) if size is None else size,
        written=entry.written,
        expires=entry.expires,
        value=value,
        bytes=data,
    )


def outcome_of(outcome: Outcome) -> MemoryOutcome:
    return MemoryOutcome(
        outcome=outcome.verdict,
        version=outcome.version,
        number=outcome.number,
        expires=outcome.expires,
        message=refusal(outcome),
    )


def unpacked(text: str) -> bytes:
    """Raises ValueError."""
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"no base64: {error}") from None
