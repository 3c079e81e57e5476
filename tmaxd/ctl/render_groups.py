"""The groups, inboxes, outboxes and routes of a status as tables. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, span

Value = Mapping[str, Any]


def groups(values: Sequence[Value], paint: Paint, width: int | None) -> list[str]:
    columns = [
        Column("GROUP"),
        Column("KIND", keep=1),
        Column("READY", keep=8, right=True),
        Column("SPARES", keep=2, right=True),
        Column("QUEUED", keep=9, right=True),
        Column("LATER", keep=6, right=True),
        Column("RUNNING", keep=8, right=True),
        Column("DONE", keep=6, right=True),
        Column("DEAD", keep=7, right=True),
        Column("CANCELLED", keep=2, right=True),
        Column("RATE", keep=5, right=True),
        Column("WAIT P50/P99", keep=3, right=True),
        Column("RUN P50/P99", keep=4, right=True),
    ]
    rows = [_group(value) for value in values]
    # What is nothing anywhere needs no column.
    idle = {
        title
        for title, key in (("LATER", "delayed"), ("CANCELLED", "cancelled"))
        if not any(value[key] for value in values)
    }
    if not any(value.get("pool") for value in values):
        idle.add("SPARES")
    shown = [i for i, column in enumerate(columns) if column.title not in idle]
    return table(
        [columns[i] for i in shown],
        [[row[i] for i in shown] for row in rows],
        paint=paint,
        width=width,
    )


def _group(group: Value) -> list[Cell]:
    ready, count = group["ready"], group["count"]
    cells: list[Cell] = [
        group["name"],
        group["kind"],
        ("" if ready >= count else "yellow", f"{ready}/{count}"),
        _spares(group.get("pool")),
    ]
    if group["kind"] == "run":
        return [*cells, *["-"] * 9]
    return [
        *cells,
        _queued(group),
        f"{group['delayed']:,}",
        f"{group['sent'] + group['running']:,}",
        f"{group['done']:,}",
        ("red" if group["dead"] else "", f"{group['dead']:,}"),
        f"{group['cancelled']:,}",
        f"{group['rate']:,.1f}/s" if group["rate"] else "-",
        _pair(group["wait_p50_ms"], group["wait_p99_ms"]),
        _pair(group["p50_ms"], group["p99_ms"]),
    ]


def _spares(pool: Value | None) -> Cell:
    """`1/2`: so many of those that there should be could be taken now."""
    return f"{pool['ready']}/{pool['size']}" if pool else "-"


def _queued(group: Value) -> Cell:
    """`12`, or `12/1,000` where no more may wait; delayed ones count against that."""
    limit = group["max_queue"]
    if limit is None:
        return f"{group['queued']:,}"
    full = group["queued"] + group["delayed"] >= limit
    return ("red" if full else "", f"{group['queued']:,}/{limit:,}")


def _pair(p50: float | None, p99: float | None) -> str:
    if p50 is None or p99 is None:
        return "-"
    return f"{span(p50 / 1000)}/{span(p99 / 1000)}"


def inboxes(values: Sequence[Value], paint: Paint, width: int | None) -> list[str]:
    columns = [
        Column("INBOX"),
        Column("TO", elastic=True),
        Column("PATH", 5, path=True, elastic=True),
    ]
    rows: list[list[Cell]] = [[i["name"], ", ".join(i["to"]), i["path"]] for i in values]
    return table(columns, rows, paint=paint, width=width)


def outboxes(values: Sequence[Value], paint: Paint, width: int | None) -> list[str]:
    columns = [
        Column("OUTBOX"),
        Column("FROM", elastic=True),
        Column("LOST", right=True),
        Column("PATH", 5, path=True, elastic=True),
    ]
    rows: list[list[Cell]] = [
        [
            o["name"],
            ", ".join(o["from"]),
            ("yellow" if o["lost"] else "", f"{o['lost']:,}"),
            o["path"],
        ]
        for o in values
    ]
    return table(columns, rows, paint=paint, width=width)


def routes(values: Sequence[Value], paint: Paint, width: int | None) -> list[str]:
    columns = [
        Column("ROUTE", elastic=True),
        Column("WHEN", 8),
        Column("MAX HOPS", 3, right=True),
        Column("PAYLOAD", 5, elastic=True),
    ]
    rows: list[list[Cell]] = [
        [
            f"{', '.join(r['from'])} → {', '.join(r['to'])}",
            r["when"],
            "-" if r["max_hops"] is None else str(r["max_hops"]),
            r["payload"],
        ]
        for r in values
    ]
    return table(columns, rows, paint=paint, width=width)


def troubles(status: Value) -> list[str]:
    """What keeps tasks from coming in, a sentence each. (What an outbox loses may be as its owner wants it: a number
    in its table says enough.)"""
    return [
        f"inbox {inbox['name']} is paused, its lines wait in the FIFO: {inbox['paused']}"
        for inbox in status["inboxes"]
        if inbox["paused"]
    ]
