"""Feature flags as lines: the table of all, one at length, and what operators have set of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, plain, span, wrap

Value = Mapping[str, Any]


def on_off(value: object) -> str:
    return "on" if value else "off"


def flags(
    rows: Sequence[Value], now: float, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """`now`: wall time."""
    columns = [
        Column("FLAG"),
        Column("IS"),
        Column("IN FILE", keep=8),
        Column("FOR", keep=6, right=True),
        Column("SET BY AN ORDER", keep=9),
        Column("OWNER", keep=5),
        Column("WHAT IT DOES", keep=4, elastic=True),
    ]
    body: list[list[Cell]] = [
        [
            row["name"],
            _painted(row),
            "-" if row["file"] is None else on_off(row["file"]),
            "" if row["since"] is None else span(now - row["since"]),
            "" if row["override"] is None else ("yellow", _order(row["override"], now)),
            row["owner"],
            row["about"],
        ]
        for row in rows
    ]
    return table(columns, body, paint=paint, width=width)


def _painted(row: Value) -> Cell:
    """What is as it would be without anybody's doing needs no colour."""
    word = on_off(row["value"])
    return word if row["value"] == row["default"] else ("yellow", word)


def _order(override: Value, now: float) -> str:
    until = override["until"]
    return on_off(override["value"]) + (
        ", no end" if until is None else f", {span(until - now)} left"
    )


def explained(
    row: Value,
    now: float,
    moment: Callable[[float], str],
    paint: Paint = plain,
    width: int | None = None,
) -> list[str]:
    """One flag at length. `moment`: wall time to words."""
    since = "" if row["since"] is None else f" since {moment(row['since'])}"
    in_file = "says nothing" if row["file"] is None else f"says {on_off(row['file'])}"
    lines = [
        paint("bold", clean(f"{row['name']} is {on_off(row['value'])}{since}")),
        f"  on: {row['about']}",
        f"  off: {row['off']}",
        f"  the file {in_file}; by default it is {on_off(row['default'])}; it belongs to `{row['owner']}`",
    ]
    if row["override"] is not None:
        lines.append(f"  {overridden(row['override'], now)}")
    return [line for text in lines for line in wrap(text, width, "    ")]


def overridden(override: Value, now: float) -> str:
    """For the status: a flag that is not as the file says, until when, and what then."""
    until, name = override["until"], clean(override["flag"])
    end = (
        f"until `tmaxctl flags unset {name}`, or the file says something else of it"
        if until is None
        else f"for another {span(until - now)}"
    )
    return f"{name} is set to {on_off(override['value'])} by an order {end}; {_instead(override)}"


def _instead(override: Value) -> str:
    who = "by default it is" if override["file"] is None else "the file says"
    return f"{who} {on_off(override['instead'])}"


def changed(value: Value, now: float) -> str:
    """What came of a `set` or `unset`."""
    row = value["flag"]
    name, is_, override = clean(row["name"]), on_off(row["value"]), row["override"]
    if override is not None:
        return overridden(override, now)
    why = "by default" if row["file"] is None else "as the file says"
    if value["outcome"] == "no_change":
        return f"no change: {name} is {is_}, {why}"
    return f"{name} is {is_} again, {why}"
