"""How the tasks of a `submit --wait` ended, and the telling of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tmaxd.ctl import results
from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, NoDaemon
from tmaxd.ctl.hints import Hint
from tmaxd.ctl.ids import Ranges
from tmaxd.ctl.text import many
from tmaxd.ctl.waiting import Ends, wait_for

SHOWN_FAILURES = 20


@dataclass
class Outcome:
    ends: Ends
    failures: list[dict[str, Any]]
    """The first few tasks without a result."""
    result: bytes | None
    """Of one task that is done."""

    def as_json(self) -> dict[str, Any]:
        ends = self.ends
        value: dict[str, Any] = {
            "done": ends.done,
            "dead": len(ends.dead),
            "cancelled": len(ends.cancelled),
            "failures": self.failures,
        }
        if self.result is not None:
            value["result"] = self.result.decode(errors="replace")
        return value


def of(console: Console, api: Api, ranges: Ranges, one: bool, hint: Hint) -> Outcome:
    """Wait for the tasks, and tell people how they ended. `one`: the user named one task, whose result goes to
    standard output."""
    ends = _wait(api, ranges)
    result = api.text(f"/v1/tasks/{ranges[0][0]}/result") if one and ends.done else None
    outcome = Outcome(ends, _failures(api, ends), result)
    if console.as_json:
        return outcome
    if result is not None:
        results.show(console, result)
    _report(console, outcome, hint)
    if not one:
        console.note(ends.words)
    return outcome


def _wait(api: Api, ranges: Ranges) -> Ends:
    try:
        return wait_for(api, ranges)
    except NoDaemon as error:
        raise NoDaemon(
            f"{error.message}; the tasks are on disk and go on with the next daemon", error.word
        ) from error
    except KeyboardInterrupt:
        raise CtlError("no longer waiting; the tasks go on", "interrupted") from None


def _failures(api: Api, ends: Ends) -> list[dict[str, Any]]:
    shown = sorted([*ends.dead, *ends.cancelled])[:SHOWN_FAILURES]
    rows = [api.get(f"/v1/tasks/{id}")["task"] for id in shown]
    keys = ("id", "state", "attempt", "worker", "outcome", "error")
    return [{key: row[key] for key in keys} for row in rows]


def _report(console: Console, outcome: Outcome, hint: Hint) -> None:
    ends = outcome.ends
    for row in outcome.failures:
        console.note(_failure(row))
    if more := len(ends.dead) + len(ends.cancelled) - len(outcome.failures):
        states = "dead,cancelled" if ends.cancelled else "dead"
        console.note(f"… and {more:,} more: {hint(f'tasks --state {states}')}")
    if ends.unknown:
        console.note(f"{many(len(ends.unknown), 'task')} the daemon does not know any more")


def _failure(row: dict[str, Any]) -> str:
    error = row["error"] or "no error text"
    if row["state"] == "cancelled":
        return f"task {row['id']} is cancelled" + (f": {row['error']}" if row["error"] else "")
    if row["outcome"] == "expired":
        return f"task {row['id']} is dead: its time was over before it began"
    return f"task {row['id']} is dead after {many(row['attempt'], 'attempt')}: {error}"
