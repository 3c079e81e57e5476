"""The spec of the crash suite's fleet: what it says at the moment, and what it always says. Pure."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.e2e.fleet import ROOT

Json = dict[str, Any]

PROGRAM = str(Path(__file__).with_name("worker.py"))
WAYS = {
    "sync": "sync",
    "aio": "async",
    "pull": "sync",
    "next": "async",
    "shaky": "sync",
    "spare": "sync",
}
"""Groups of programs that take their tasks themselves."""
JOBS = "cmd"
"""The group whose tasks are processes, which have to live long enough to be hit."""
PULL = "pull"
"""The group whose workers share a FIFO, now and then."""
SPARE = "spare"
"""The group that is not always there."""
SHAKY = "shaky"
"""The group whose tasks fail most of the time."""
ATTEMPTS, OFTEN = 2, 4
"""Of every group, and of that one."""
POOLS = ("sync", "aio", "cmd")
"""Groups whose workers are replaced by spares."""
COUNTS = {"sync": 2, "aio": 2, "pull": 2, "next": 1, "shaky": 1, "spare": 1, "cmd": 1}
INBOX, OUTBOX = "drop", "news"
HEARD = ("sync", "next")
"""Groups whose results the outbox gets."""
LAYOUTS = ("shared", "dedicated")
TIMEOUT = "2s"
"""`attempts.TIMEOUT`."""


class Route(NamedTuple):
    start: str
    to: tuple[str, ...]
    when: str
    payload: str


ROUTES = (
    Route("aio", ("next",), "done", "{result}"),
    Route(SHAKY, ("next", PULL), "dead", "{task} heir"),
)


class State(msgspec.Struct, frozen=True, kw_only=True):
    """What changes."""

    counts: dict[str, int] = msgspec.field(default_factory=COUNTS.copy)
    layout: str = LAYOUTS[0]
    spare: bool = True


def attempts_of(group: str) -> int:
    return OFTEN if group == SHAKY else ATTEMPTS


def groups_of(state: State, folder: str) -> dict[str, Json]:
    env = {"PYTHONPATH": str(ROOT)}
    groups: dict[str, Json] = {
        name: {"serve": [sys.executable, PROGRAM, way, folder], "env": env, "window": 32}
        for name, way in WAYS.items()
    }
    groups[PULL]["layout"] = state.layout
    groups[JOBS] = {"task": [sys.executable, "-S", "-E", PROGRAM, "job", folder, "{payload}"]}
    for name in POOLS:
        groups[name]["pool"] = 1
    if not state.spare:
        del groups[SPARE]
    return {
        name: {"count": state.counts[name], "timeout": TIMEOUT, "retry": _retry(name), **group}
        for name, group in groups.items()
    }


def _retry(group: str) -> Json:
    return {"attempts": attempts_of(group), "backoff": {"first": "50ms", "max": "500ms"}}


def pipes() -> Json:
    return {
        "capacity": "64KiB",
        "inboxes": {INBOX: {"to": "sync"}},
        "outboxes": {OUTBOX: {"from": list(HEARD)}},
        "routes": [
            {"from": r.start, "to": list(r.to), "when": r.when, "payload": r.payload}
            for r in ROUTES
        ],
    }
