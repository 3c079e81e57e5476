"""How the tasks of a `submit --wait` ended, and the telling of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tmaxd.ctl import results
from tmaxd.ctl.api import Api
from tmaxd.ctl.away import Deadline, Late
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError, NoDaemon, TimedOut
from tmaxd.ctl.hints import Hint, hints_for
from tmaxd.ctl.ids import Ranges, total
from tmaxd.ctl.text import many, span
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


def of(console: Console, api: Api, ranges: Ranges, one: bool, deadline: Deadline) -> Outcome:
    """Wait for the tasks, and tell people how they ended. `one`: the user named one task, whose result goes to
    standard output."""
    hint = hints_for(api.fleet)
    ends = wait(console, api, ranges, deadline, met=True)
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


def wait(console: Console, api: Api, ranges: Ranges, deadline: Deadline, *, met: bool) -> Ends:
    """Wait for the tasks. Who ends the wait, or lets it end, is told how to go on with it. `met`: the daemon has
    answered already."""
    try:
        return wait_for(console, api, ranges, deadline, met=met)
    except Late as late:
        gone = "" if late.away is None else "; the daemon is away"
        raise TimedOut(
            f"no longer waiting, after {span(deadline.seconds or 0)}{gone}; {_go_on(api, ranges)}",
            details={"ranges": ranges},
        ) from late
    except NoDaemon as error:
        if error.word == "no_daemon":
            raise
        raise NoDaemon(f"{error.message}; {_go_on(api, ranges)}", error.word) from error
    except KeyboardInterrupt:
        raise CtlError(
            f"no longer waiting; {_go_on(api, ranges)}", "interrupted", {"ranges": ranges}
        ) from None


def _go_on(api: Api, ranges: Ranges) -> str:
    """What becomes of the tasks, and the command that waits on."""
    hint = hints_for(api.fleet)
    if total(ranges) == 1:
        return f"the task goes on: `{hint(f'result {ranges[0][0]} --wait')}`"
    return f"the tasks go on: `{hint('tasks --watch')}`, or `{hint('result ID --wait')}` for one"


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
