"""Answers as JSON, and the one exception that stands for a refusal."""

from __future__ import annotations

import msgspec
from aiohttp import web

from tmaxd.daemon.api.facade import Denied
from tmaxd.daemon.api.types import Refused, Submission

DENIALS = {
    "unknown_group": 404,
    "unknown_worker": 404,
    "unknown_target": 404,
    "unknown_revision": 404,
    "bad_revision": 409,
    "bad_cleanup": 400,
    "bad_order": 400,
    "unknown_flag": 404,
    "bad_flag": 400,
    "not_a_task_group": 409,
    "payload_too_large": 413,
    "bad_payload": 400,
    "bad_option": 400,
    "queue_full": 429,
    "key_conflict": 409,
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
        taken: Submission | None = None,
    ) -> None:
        """`taken`: what a submit had accepted all the same."""
        super().__init__(message)
        self.status = status
        self.body = Refused(error=error, message=message)
        if taken is not None:
            self.body = Refused(
                error=error,
                message=message,
                ranges=taken.ranges,
                accepted=taken.accepted,
                existing=taken.existing or None,
                existing_states=taken.existing_states or None,
            )


def refusal_of(denied: Denied, taken: Submission | None = None, where: str = "") -> Refusal:
    """`where`: put before the message."""
    message = f"{where}{denied.message}"
    return Refusal(DENIALS[denied.reason], denied.reason, message, taken)


def answer(value: msgspec.Struct | dict[str, object], status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value), status=status, content_type="application/json"
    )


def refuse(refusal: Refusal) -> web.Response:
    return answer(fields(refusal), refusal.status)


def fields(refusal: Refusal) -> dict[str, object]:
    """What its body holds, without what says nothing."""
    return {k: v for k, v in msgspec.structs.asdict(refusal.body).items() if v is not None}
