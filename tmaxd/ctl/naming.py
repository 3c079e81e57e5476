"""Which worker is meant by a word on the command line: its name, or that of a group that has only one. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.suggesting import MOST, misspelt

Status = Mapping[str, Any]


def group_meant(status: Status, word: str) -> str | None:
    """The worker of the group `word`, if it is a group; one of several has to be chosen. None: it is no group."""
    if any(worker["name"] == word for worker in status["workers"]):
        return None
    if not any(group["name"] == word for group in status["groups"]):
        return None
    own = [worker["name"] for worker in status["workers"] if worker["group"] == word]
    if len(own) == 1:
        return str(own[0])
    more = f" and {len(own) - MOST} more" if len(own) > MOST else ""
    words = f"{word} is a group: {', '.join(own[:MOST])}{more}" if own else "it has no workers now"
    raise CtlError(words if own else f"{word} is a group, and {words}", "unknown_worker")


def unknown_worker(status: Status, word: str) -> CtlError:
    known = [worker["name"] for worker in status["workers"]]
    return CtlError(misspelt("worker", word, known), "unknown_worker")
