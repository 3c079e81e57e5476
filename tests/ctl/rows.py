"""Rows of the task table as the API gives them, for what only renders them."""

from __future__ import annotations

from typing import Any

import msgspec

from tests.ctl.fake_story import START
from tmaxd.tasks.records import TaskRow

BLANK: dict[str, Any] = msgspec.to_builtins(
    TaskRow(id=7, group="check", state="queued", attempt=0, submitted=START, payload="p")
)


def row(**changes: Any) -> dict[str, Any]:
    assert changes.keys() <= BLANK.keys()
    return BLANK | changes
