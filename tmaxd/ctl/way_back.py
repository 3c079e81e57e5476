"""The command that has the file's own revision in force again, after a rollback."""

from __future__ import annotations

from tmaxd.ctl.api import Api
from tmaxd.ctl.hints import hints_for


def way_back(api: Api) -> str:
    """Empty where no revision that is kept is what the file says."""
    rows = api.get("/v1/revisions")["revisions"]
    number = next((r["number"] for r in rows if r["in_file"] and not r["in_force"]), None)
    return "" if number is None else hints_for(api.fleet)(f"rollback {number}")
