"""Plans and reloads as lines. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, many, plain

ACTION_STYLES = {"start": "green", "stop": "red", "replace": "yellow"}

COLUMNS = (
    Column("ACTION"),
    Column("TARGET"),
    Column("REASON", keep=5),
    Column("FIELD", keep=3),
    Column("DETAIL", keep=4, elastic=True),
)


def plan(
    actions: Sequence[Mapping[str, Any]], paint: Paint = plain, width: int | None = None
) -> list[str]:
    if not actions:
        return ["nothing to do: the fleet is as the spec wants it"]
    rows: list[list[Cell]] = [
        [
            (ACTION_STYLES.get(action["action"], ""), action["action"]),
            action["worker"] or action["group"] or "-",
            action["reason"],
            action["field"] or "-",
            action["detail"],
        ]
        for action in actions
    ]
    return [*table(COLUMNS, rows, paint=paint, width=width), many(len(actions), "action")]


def reload(value: Mapping[str, Any], paint: Paint = plain) -> list[str]:
    """The outcome; problems and warnings are printed apart."""
    revision = f"revision {value['revision']}"
    settled = paint("green", "converged") if value["converged"] else paint("yellow", "converging")
    match value["outcome"]:
        case "applied":
            return [f"{revision} is applied; {settled}"]
        case "no_change":
            return [f"no change: {revision} stays in force; {settled}"]
        case "timeout":
            return [f"{revision} is applied; " + paint("yellow", "not converged yet, it goes on")]
        case "rejected":
            stays = f"{revision} stays in force" if value["revision"] else "nothing is in force"
            return [paint("red", f"rejected; {stays}")]
        case other:
            return [clean(str(other))]
