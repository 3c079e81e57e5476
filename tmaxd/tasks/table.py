"""The one table of a task's life: every state against everything that can happen to a task. What is not on the hot
path is decided by it (`ending`, `orders`); that the hot path does the same, a test shows cell by cell.

`cancelling` is shown to people as `sent` or `running` with a mark: the worker has been asked to end the task.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from tmaxd.tasks.events import Verdict

At = Literal["queued", "delayed", "sent", "running", "cancelling", "done", "dead", "cancelled"]

Happening = Literal[
    "assigned",
    "started",
    "progress",
    "done",
    "returned",
    "failed",
    "failed_last",
    "answered_cancelled",
    "due",
    "expired",
    "cancel",
    "retry",
]

MEANING: Final[dict[Happening, str]] = {
    "assigned": "a worker has room, and it is the task's turn",
    "started": "its worker says that it begins it",
    "progress": "its worker says how far it is",
    "done": "its worker says that it is done",
    "returned": "the attempt is over, and the next one may be at once: it never began, or was interrupted for a reason "
    "that has nothing to do with it (neither counts), or was lost for the first time",
    "failed": "the attempt failed, timed out or was lost, and the task has others, after a delay",
    "failed_last": "the attempt failed, timed out or was lost, and was the last",
    "answered_cancelled": "its worker says that it has ended it as it was asked to",
    "due": "the time has come before which it may not begin",
    "expired": "the time is over by which it should have begun",
    "cancel": "somebody wants it ended",
    "retry": "somebody wants it tried again",
}


class Goes(msgspec.Struct, frozen=True):
    """The task is in this state then."""

    to: At


class Ignored(msgspec.Struct, frozen=True):
    """Nothing changes."""

    why: str


class Refused(msgspec.Struct, frozen=True):
    """Nothing changes, and whoever asked for it is told."""

    why: str
    verdict: Verdict


Cell = Goes | Ignored | Refused

_STRAY: Final = Ignored("no worker holds it: counted as a stray")
_NO_RUN: Final = Ignored("it is with no run that could have ended")
_NOT_DELAYED: Final = Ignored("it does not wait for a time")
_OVER: Final = Ignored("it is over")
_IN_FLIGHT: Final = Ignored("it is in flight, so in no queue")
_HAS_BEGUN: Final = Ignored("it is with a worker, which may have begun it")

_WITH_A_WORKER: Final[dict[Happening, Cell]] = {
    "assigned": _IN_FLIGHT,
    "started": Goes("running"),
    "progress": Goes("running"),
    "done": Goes("done"),
    "returned": Goes("queued"),
    "failed": Goes("delayed"),
    "failed_last": Goes("dead"),
    "answered_cancelled": Goes("cancelled"),
    "due": _NOT_DELAYED,
    "expired": _HAS_BEGUN,
    "cancel": Goes("cancelling"),
    "retry": Refused("it is not over", "waiting"),
}
_WITH_NONE: Final[dict[Happening, Cell]] = {
    "assigned": _OVER,
    "started": _STRAY,
    "progress": _STRAY,
    "done": _STRAY,
    "returned": _NO_RUN,
    "failed": _STRAY,
    "failed_last": _STRAY,
    "answered_cancelled": _STRAY,
    "due": _OVER,
    "expired": _OVER,
    "cancel": Refused("it is over", "ended"),
    "retry": Goes("delayed"),
}
_WAITS: Final[dict[Happening, Cell]] = {
    "expired": Goes("dead"),
    "cancel": Goes("cancelled"),
    "retry": Refused("it is not over", "waiting"),
}

TABLE: Final[dict[At, dict[Happening, Cell]]] = {
    "queued": _WITH_NONE | _WAITS | {"assigned": Goes("sent"), "due": _NOT_DELAYED},
    "delayed": _WITH_NONE
    | _WAITS
    | {"assigned": Ignored("not before it is due"), "due": Goes("queued")},
    "sent": _WITH_A_WORKER,
    "running": _WITH_A_WORKER
    | {"started": Ignored("it has said so already"), "progress": Ignored("noted")},
    "cancelling": _WITH_A_WORKER
    | {
        "started": Ignored("noted; it has been asked to end it"),
        "progress": Ignored("noted"),
        "returned": Goes("cancelled"),
        "failed": Goes("cancelled"),
        "failed_last": Goes("cancelled"),
        "cancel": Ignored("its worker has been asked already"),
    },
    "done": _WITH_NONE | {"retry": Refused("it has a result", "done")},
    "dead": _WITH_NONE,
    "cancelled": _WITH_NONE,
}


def goes(state: At, happening: Happening) -> At:
    """The state after it; the same where the cell changes nothing."""
    cell = TABLE[state][happening]
    return cell.to if isinstance(cell, Goes) else state


def after_attempt(delay: float | None) -> Happening:
    """What the end of an attempt without a result is, by what `policy.retry_delay` says of it."""
    if delay is None:
        return "failed_last"
    return "failed" if delay > 0 else "returned"
