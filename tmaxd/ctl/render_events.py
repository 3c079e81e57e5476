"""Events as lines, one each. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tmaxd.ctl.event_words import short
from tmaxd.ctl.text import Paint, clean, columns_of, cut, plain

STYLES = {"error": "red", "warning": "yellow"}

NUMBER, WHO = 6, 10
"""Columns of an event's number, and of the worker or group: no line can wait for later ones to be known."""


def line(
    event: Mapping[str, Any],
    moment: Callable[[float], str],
    paint: Paint = plain,
    width: int | None = None,
) -> str:
    """`moment`: a wall time as it is shown."""
    who = clean(event["worker"] or event["group"] or "-")
    head = f"{event['seq']:>{NUMBER}}  {moment(event['at'])}  {who:<{WHO}}  "
    words = clean(short(event))
    if width is not None:
        words = cut(words, max(10, width - columns_of(head)))
    return head + paint(STYLES.get(event["level"], ""), words)
