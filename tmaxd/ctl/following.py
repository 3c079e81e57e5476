"""The events of a fleet as a stream that has each of them once, over as many daemons as it takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tmaxd.ctl.api import Api
from tmaxd.ctl.away import Steady

PATH = "/v1/events"

PAGE = 1000
"""The most events of one answer."""

Event = dict[str, Any]


def newest(api: Api) -> int:
    """The number of the last event of all; 0 where there never was one."""
    found = api.get(PATH, {"last": "true", "limit": 1})["events"]
    return int(found[-1]["seq"]) if found else 0


def pages(api: Api, filters: Mapping[str, object], since: int) -> Iterator[Event]:
    """All later than `since`, oldest first."""
    while True:
        found = api.get(PATH, {**filters, "since": since, "limit": PAGE})["events"]
        yield from found
        if len(found) < PAGE:
            return
        since = found[-1]["seq"]


class Following:
    """`since` None: with the `last` events that there are, and then all that come; else all later ones."""

    def __init__(
        self, api: Api, filters: Mapping[str, object], since: int | None, last: int
    ) -> None:
        self._api = api
        self._filters = filters
        self._since = since
        self._last = last

    def run(self, steady: Steady, each: Callable[[Event], None]) -> None:
        """Does not return."""
        steady.ask(lambda: self._hear(each))

    def _hear(self, each: Callable[[Event], None]) -> None:
        if self._since is None:
            end = newest(self._api)
            for event in self._first(end):
                each(event)
            self._since = end
        elif newest(self._api) < self._since:
            self._since = 0  # another journal than before: its numbers begin anew
        query = {**self._filters, "since": self._since, "follow": "true"}
        for event in self._api.follow(PATH, query):
            if event:
                self._since = event["seq"]
                each(event)

    def _first(self, end: int) -> list[Event]:
        """The last ones up to `end`, which later ones do not push out."""
        if not self._last or not end:
            return []
        query = {**self._filters, "last": "true", "limit": self._last}
        return [e for e in self._api.get(PATH, query)["events"] if e["seq"] <= end]
