"""The revisions of the spec, and what lies between two of them, as lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, cut, many, plain, span

Value = Mapping[str, Any]

EFFECTS = {
    "live": "at once",
    "next_start": "when a worker is started next",
    "when_idle": "by replacing workers when they are idle",
    "refused": "not while the fleet runs",
}

LONGEST = 200
"""Characters of a value."""


def history(
    rows: Sequence[Value],
    now: float,
    moment: Callable[[float], str],
    paint: Paint = plain,
    width: int | None = None,
) -> list[str]:
    if not rows:
        return ["no revision was ever applied"]
    columns = [
        Column("REVISION", right=True),
        Column("APPLIED"),
        Column("AGE", keep=3, right=True),
        Column("", keep=9),
        Column("CAUSE", keep=8, elastic=True),
    ]
    body: list[list[Cell]] = [
        [
            str(row["number"]),
            moment(row["applied"]),
            span(now - row["applied"]),
            _mark(row),
            str(row["cause"] or "the file"),
        ]
        for row in rows
    ]
    return table(columns, body, paint=paint, width=width)


def _mark(row: Value) -> Cell:
    if row["in_force"]:
        return (
            "green",
            "in force" if row["in_file"] or row["cause"] else "in force, not in the file",
        )
    return ("yellow", "in the file") if row["in_file"] else ""


def difference(value: Value, paint: Paint = plain, width: int | None = None) -> list[str]:
    changes = value["changes"]
    head = f"revision {value['old']} → {value['new']}: "
    if not changes:
        return [head + "they mean the same"]
    return [head + many(len(changes), "key"), *changed(changes, paint, width)]


def changed(changes: Sequence[Value], paint: Paint = plain, width: int | None = None) -> list[str]:
    columns = [Column("KEY"), Column("CHANGE", elastic=True), Column("TAKES EFFECT", keep=5)]
    rows: list[list[Cell]] = [
        [
            change["key"],
            _change(change),
            str(EFFECTS.get(change["takes_effect"], change["takes_effect"])),
        ]
        for change in changes
    ]
    return table(columns, rows, paint=paint, width=width)


def rolled_back(value: Value) -> str:
    if value["outcome"] == "no_change":
        return f"no change: what revision {value['to']} says is in force already"
    keys = many(len(value["changed"]), "key")
    return (
        f"revision {value['to']} is in force again, as revision {value['revision']} ({keys}); "
        "it holds until the file is edited"
    )


def _change(change: Value) -> Cell:
    secret = "env" in change["key"].split(".")[2:3]
    if "old" not in change:
        return ("green", "added" if secret else f"added: {_text(change['new'])}")
    if "new" not in change:
        return ("red", "removed" if secret else f"removed: {_text(change['old'])}")
    # Variables may be secrets, and terminals are looked at.
    return "changed" if secret else f"{_text(change['old'])} → {_text(change['new'])}"


def _text(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return cut(clean(text), LONGEST)
