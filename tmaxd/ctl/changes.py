"""The changes of a list of tasks, for programs that read them: a line whenever a task is another than before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from tmaxd.ctl.api import Api
from tmaxd.ctl.console import Console
from tmaxd.ctl.moments import time_of_day
from tmaxd.ctl.render_tasks import change

PAGES = 20
"""The most pages that one look reads: those of a burst."""

Stage = tuple[str, int, str | None]


class Changes:
    """What was printed already. Only the newest tasks are looked at: those of the first page, and all that have
    come since."""

    def __init__(self, console: Console, api: Api, query: Mapping[str, Any]) -> None:
        self._console = console
        self._api = api
        self._query = query
        self._seen: dict[int, Stage] = {}

    def print(self) -> None:
        rows = self._look()
        for row in reversed(rows):
            stage = (row["state"], row["attempt"], row["worker"])
            if self._seen.get(row["id"]) != stage:
                self._seen[row["id"]] = stage
                if self._console.as_json:
                    self._console.json(row)
                else:
                    self._console.lines([change(row, time_of_day(time.time()))])
        shown = {row["id"] for row in rows}
        self._seen = {id: stage for id, stage in self._seen.items() if id in shown}

    def _look(self) -> list[dict[str, Any]]:
        """Newest first; at least as far back as what was the newest one before."""
        newest = max(self._seen, default=0)
        rows: list[dict[str, Any]] = []
        query = dict(self._query)
        for _ in range(PAGES):
            page = self._api.get("/v1/tasks", query)["tasks"]
            rows += page
            if not newest or len(page) < query["limit"] or page[-1]["id"] <= newest:
                break
            query["before"] = page[-1]["id"]
        return rows
