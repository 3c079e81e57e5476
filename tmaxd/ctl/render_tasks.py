"""The list of tasks as lines, and single changes of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Cell, Column, table
from tmaxd.ctl.text import Paint, clean, cut, plain, span

Row = Mapping[str, Any]

STATE_STYLES = {
    "done": "green",
    "dead": "red",
    "cancelled": "yellow",
    "running": "cyan",
    "sent": "cyan",
}


def tasks(
    rows: Sequence[Row], now: float, paint: Paint = plain, width: int | None = None
) -> list[str]:
    if not rows:
        return ["no tasks"]
    columns = [
        Column("ID", right=True),
        Column("GROUP", keep=6),
        Column("STATE"),
        Column("TRY", keep=3, right=True),
        Column("PRIORITY", keep=1, right=True),
        Column("KEY", keep=2, elastic=True),
        Column("WORKER", keep=5),
        Column("AGE", keep=4, right=True),
        Column("TOOK", keep=4, right=True),
        Column("PAYLOAD", keep=8, elastic=True),
    ]
    # What no task has needs no column.
    plain_ones = {
        title
        for title, key in (("PRIORITY", "priority"), ("KEY", "key"))
        if not any(row[key] for row in rows)
    }
    shown = [i for i, column in enumerate(columns) if column.title not in plain_ones]
    body = [_row(row, now) for row in rows]
    return table(
        [columns[i] for i in shown],
        [[row[i] for i in shown] for row in body],
        paint=paint,
        width=width,
    )


def _row(row: Row, now: float) -> list[Cell]:
    state = row["state"]
    return [
        str(row["id"]),
        row["group"],
        (STATE_STYLES.get(state, ""), state),
        str(row["attempt"] or "-"),
        str(row["priority"]),
        row["key"] or "-",
        row["worker"] or "-",
        span(now - row["submitted"]),
        _took(row, now),
        _payload(row, now),
    ]


def _took(row: Row, now: float) -> str:
    if row["started"] is None:
        return "-"
    end = row["ended"] if row["ended"] is not None else now
    return span(end - row["started"])


def _payload(row: Row, now: float) -> str:
    """With what there is to say of its last failure, and of when it is tried again; while it is with a worker, what
    came before is history, which its story tells."""
    payload: str = row["payload"]
    if row["state"] in ("sent", "running"):
        return f"{payload} (being cancelled)" if row["cancelling"] else payload
    notes = []
    if row["state"] == "delayed" and row["due"] is not None and row["due"] > now:
        notes.append(f"in {span(row['due'] - now)}")
    if row["waits_for"]:
        notes.append(f"waits for {row['waits_for']}")
    if row["outcome"] == "expired":
        notes.append("expired")
    if row["error"] and row["error"] != row["state"]:
        notes.append(row["error"])
    return f"{cut(payload, 60)}  ({'; '.join(notes)})" if notes else payload


def change(row: Row, time_of_day: str) -> str:
    """A task that has changed, as one line of a stream: no column can wait for later ones to be known."""
    fields = (
        time_of_day,
        f"{row['id']:>8}",
        f"{row['group']:<12}",
        f"{row['state']:<9}",
        f"{row['attempt'] or '-':>2}",
        f"{row['worker'] or '-':<14}",
        _payload(row, 0.0),
    )
    return "  ".join(clean(field) for field in fields)
