"""Answers as JSON, and the one exception that stands for a refusal."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import Refused

DENIALS = {
    "unknown_group": 404,
    "not_a_task_group": 409,
    "payload_too_large": 413,
    "bad_payload": 400,
    "journal": 503,
}
"""HTTP status for each reason of `Denied`. Only `journal` is not the caller's doing."""


class Refusal(Exception):
    """The request cannot be done; becomes an answer with this status and a `Refused` body."""

    def __init__(
        self,
        status: int,
        error: str,
        message: str,
        ranges: tuple[tuple[int, int], ...] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        accepted = None if ranges is None else sum(count for _, count in ranges)
        self.body = Refused(error=error, message=message, ranges=ranges, accepted=accepted)


def refusal_of(denied: Denied, ranges: tuple[tuple[int, int], ...] | None = None) -> Refusal:
    return Refusal(DENIALS[denied.reason], denied.reason, denied.message, ranges)


def answer(value: msgspec.Struct | dict[str, object], status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json"
    )


def refuse(refusal: Refusal) -> web.Response:
    given = {k: v for k, v in msgspec.structs.asdict(refusal.body).items() if v is not None}
    return answer(given, refusal.status)
