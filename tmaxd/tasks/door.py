"""What a payload must be to become a task: the last check before memory, the journal and the frames."""

from __future__ import annotations

from tmaxd.tasks.events import DenyReason

MAX_PAYLOAD = 1024 * 1024
"""Characters: memory and the journal hold a payload whole."""


def problem_of(payload: str) -> tuple[DenyReason, str] | None:
    """Why the payload is refused; None when it is fine."""
    if len(payload) > MAX_PAYLOAD:
        size = f"{len(payload)} characters"
        return "payload_too_large", f"the payload has {size}, the limit is {MAX_PAYLOAD}"
    if "\0" in payload:
        return "bad_payload", "the payload holds a NUL character, which no argument can carry"
    if not payload.isascii():
        try:
            payload.encode()
        except UnicodeEncodeError as error:
            return "bad_payload", f"the payload is not valid Unicode: {error.reason}"
    return None
