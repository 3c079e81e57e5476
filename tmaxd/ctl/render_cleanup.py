"""Clean-ups as lines: what went, and when the next ones are. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, amount, clean, columns_of, cut_left, in_line, span, wrap

Value = Mapping[str, Any]

SHOWN, SHOWN_DRY = 5, 20
"""Items of a clean-up that are named; `-o json` names more."""


def runs(values: Sequence[Value], paint: Paint, width: int | None) -> list[str]:
    """Several lines for each clean-up."""
    names = max((columns_of(clean(run["name"])) for run in values), default=0)
    return [line for run in values for line in _run(run, names, paint, width)]


def _run(run: Value, names: int, paint: Paint, width: int | None) -> list[str]:
    name = clean(run["name"])
    head = f"{name}{' ' * (names - columns_of(name))}  {_went(run)}"
    lines = [paint("bold" if run["count"] else "", head)]
    shown = run["items"][: SHOWN_DRY if run["dry"] else SHOWN]
    lines += [_item(item, width) for item in shown]
    if shown and (run["count"] > len(shown) or len(run["items"]) > len(shown)):
        lines.append("  …")
    for problem in run["problems"]:
        lines += [
            paint("yellow", line) for line in wrap(f"  left: {in_line(problem)}", width, "    ")
        ]
    if more := run["more_problems"]:
        lines.append(paint("yellow", f"  left: {more:,} more, for causes of their own"))
    return lines


def _went(run: Value) -> str:
    if not run["count"]:
        return "nothing to remove"
    size = f", {amount(run['bytes'])}" if run["bytes"] else ""
    if not run["dry"]:
        return f"{run['count']:,} gone{size}, in {span(run['seconds'])}"
    why = " (its entry does not say `apply: true`)" if run["unapplied"] else ""
    return f"{run['count']:,} would go{size}{why}"


def _item(item: Value, width: int | None) -> str:
    size = amount(item["bytes"]) if item["bytes"] else ""
    rest = "  ".join(word for word in (size, clean(item["note"])) if word)
    name = clean(item["name"])
    if width is not None:
        name = cut_left(name, max(16, width - columns_of(rest) - 4))
    return f"  {name}  {rest}".rstrip()


def planned(values: Sequence[Value], now: float, paint: Paint, width: int | None) -> list[str]:
    """A table of those that the spec names."""
    columns = (
        Column("CLEANUP", elastic=True),
        Column("NEXT", right=True),
        Column("LAST", right=True),
        Column("WENT", keep=3, right=True),
        Column("PROBLEM", keep=2, elastic=True),
    )
    return table(columns, [_planned(value, now) for value in values], paint=paint, width=width)


def _planned(value: Value, now: float) -> list[Cell]:
    due, last = value["next"], value["last"]
    went = f"{value['count']:,}" + (f", {amount(value['bytes'])}" if value["bytes"] else "")
    if value["dry"]:
        went = f"{went} would"
    return [
        value["name"],
        ("yellow", "off") if due is None else "now" if due <= now else f"in {span(due - now)}",
        "-" if last is None else f"{span(now - last)} ago",
        "-" if last is None else went,
        ("yellow", in_line(value["problem"])) if value["problem"] else "",
    ]
