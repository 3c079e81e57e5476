"""The revisions of the spec, and what lies between two of them, as lines. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tmaxd.ctl.durations import written
from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, columns_of, cut, many, plain, span, wrap

Value = Mapping[str, Any]

EFFECTS = {
    "live": "at once",
    "next_start": "when a worker is started next",
    "when_idle": "by replacing workers when they are idle",
    "refused": "not while the fleet runs",
}

LONGEST = 4000
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
    words = "in the file" if row["in_file"] else ""
    if row["in_force"]:
        words = "in force" if row["in_file"] or row["cause"] else "in force, not in the file"
    if row["failed"]:
        back = f"{', '.join(row['failed'])} went back"
        return ("red", f"{words}, but {back}" if words else back)
    return ("green" if row["in_force"] else "yellow", words) if words else ""


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
    lines = table(columns, rows, paint=paint)
    if width is None or max(map(columns_of, table(columns, rows))) <= width:
        return lines
    return [line for change in changes for line in _at_length(change, paint, width)]


def _at_length(change: Value, paint: Paint, width: int) -> list[str]:
    """A change that no table has room for: what was and what is in lines of their own, broken where they have to be."""
    effect = str(EFFECTS.get(change["takes_effect"], change["takes_effect"]))
    style, text = cell if isinstance(cell := _change(change), tuple) else ("", cell)
    parts = [text]
    if "old" in change and "new" in change and text != "changed":
        old, new = _text(change["key"], change["old"]), _text(change["key"], change["new"])
        parts = [old, f"→ {new}"]
    found = [paint(style, line) for part in parts for line in wrap(f"  {part}", width, "    ")]
    return [*wrap(clean(f"{change['key']}, {effect}:"), width), *found]


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
        return ("green", "added" if secret else f"added: {_text(change['key'], change['new'])}")
    if "new" not in change:
        return ("red", "removed" if secret else f"removed: {_text(change['key'], change['old'])}")
    # Variables may be secrets, and terminals are looked at.
    if secret:
        return "changed"
    old, new = (_text(change["key"], change[which]) for which in ("old", "new"))
    return f"{old} → {new}"


def _text(key: str, value: object) -> str:
    return cut(clean(written(key, value)), LONGEST)
