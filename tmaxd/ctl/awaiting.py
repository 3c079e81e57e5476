"""Waits until workers are as somebody wants them, over the end of a daemon and the beginning of the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tmaxd.ctl.api import Api
from tmaxd.ctl.away import Deadline, Late, Steady
from tmaxd.ctl.console import Console, Live
from tmaxd.ctl.errors import CtlError, TimedOut
from tmaxd.ctl.hints import Hint
from tmaxd.ctl.render_orders import missing
from tmaxd.ctl.render_standing import went_back
from tmaxd.ctl.text import many, span

STATES = ("started", "ready", "healthy", "finished", "stopped", "idle", "obeyed", "settled")
"""As `tmaxd.daemon.api.types.AwaitFor`, which is not imported: msgspec costs 24 ms."""

FIRST, PART = 0.5, 5.0
"""Seconds that the daemon waits before it says how far it is: at first, and from then on."""

NOT_BY_ITSELF = tuple(state for state in STATES if state != "stopped")
"""What a worker that has failed for good does not become until somebody does something."""


@dataclass(frozen=True)
class Wish:
    targets: Sequence[str]
    """Groups and workers; none: the whole fleet."""
    what: str
    """One of `STATES`."""

    @property
    def whose(self) -> str:
        return ", ".join(self.targets) or "the fleet"


class Waiter:
    """One wait; `met`: the daemon has answered already."""

    def __init__(
        self, console: Console, api: Api, wish: Wish, deadline: Deadline, *, met: bool
    ) -> None:
        self._api = api
        self._wish = wish
        self._deadline = deadline
        self._steady = Steady(console, api, deadline, met=met)

    def until_met(self, hint: Hint, *, goes_on: bool) -> None:
        """Raises TimedOut with who is missing and why; CtlError where one of them has failed for good, or the change of
        a group has. `goes_on`: what was ordered is done all the same."""
        wish, part = self._wish, FIRST
        with Live(f"waiting for {wish.whose} to be {wish.what}") as live:
            while True:
                answer = self._ask(min(part, max(0.0, self._deadline.left)))
                if answer["met"]:
                    return
                if answer["failed_changes"]:
                    raise self._gone_back(answer)
                failed = [m for m in answer["missing"] if m["state"] == "failed"]
                if failed and wish.what in NOT_BY_ITSELF:
                    raise self._error(CtlError, "has failed", answer, hint, "failed")
                if self._deadline.over:
                    rest = "; it goes on" if goes_on else ""
                    after = f"is not {wish.what} after {span(self._deadline.seconds or 0.0)}{rest}"
                    raise self._error(TimedOut, after, answer, hint, "timeout")
                live.show(f"waiting for {many(answer['count'], 'worker')} to be {wish.what}")
                part = PART

    def _ask(self, seconds: float) -> dict[str, Any]:
        body = {"targets": list(self._wish.targets), "for": self._wish.what, "timeout": seconds}
        try:
            return self._steady.ask(lambda: self._api.post("/v1/await", wait=seconds, body=body))
        except Late as late:
            raise TimedOut(
                f"{self._wish.whose}: no daemon said whether it is {self._wish.what} "
                f"within {span(self._deadline.seconds or 0.0)}"
            ) from late

    def _gone_back(self, answer: Mapping[str, Any]) -> CtlError:
        changes = answer["failed_changes"]
        lines = [f"  {went_back(change['group'], change)}" for change in changes]
        head = f"{self._wish.whose}: what the file says is not in force:"
        return CtlError("\n".join([head, *lines]), "change_failed", {"failed_changes": changes})

    def _error(
        self,
        kind: Callable[[str, str, dict[str, Any]], CtlError],
        words: str,
        answer: Mapping[str, Any],
        hint: Hint,
        word: str,
    ) -> CtlError:
        lines = [f"{self._wish.whose} {words}:", *missing(answer, hint)]
        details = {"missing": answer["missing"], "count": answer["count"]}
        return kind("\n".join(lines), word, details)
