"""Entries, changes and namespaces of the memory store as lines. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tmaxd.ctl.tables import Column, table
from tmaxd.ctl.text import Paint, amount, clean, cut, in_line, plain, span

Row = Mapping[str, Any]

STYLES = {"put": "green", "delete": "red", "expire": "yellow", "evict": "yellow", "clean": "yellow"}


def entries(
    rows: Sequence[Row], now: float, paint: Paint = plain, width: int | None = None
) -> list[str]:
    if not rows:
        return ["no entries"]
    columns = [
        Column("KEY", elastic=True),
        Column("SIZE", keep=5, right=True),
        Column("VERSION", keep=2, right=True),
        Column("AGE", keep=4, right=True),
        Column("TTL", keep=3, right=True),
    ]
    valued = any(has_value(row) for row in rows)
    if valued:
        columns.append(Column("VALUE", keep=8, elastic=True))
    body = [
        [
            row["key"],
            amount(row["size"]),
            str(row["version"]),
            span(max(0.0, now - row["written"])),
            "-" if row.get("expires") is None else span(max(0.0, row["expires"] - now)),
            *([value(row)] if valued else []),
        ]
        for row in rows
    ]
    return table(columns, body, paint=paint, width=width)


def has_value(row: Row) -> bool:
    return "value" in row or "bytes" in row


def value(row: Row) -> str:
    """In one line."""
    if "bytes" in row:
        return f"base64 {row['bytes'][:200]}"
    found = row.get("value", "")
    return in_line(found if isinstance(found, str) else json.dumps(found, ensure_ascii=False))


def change(row: Row, paint: Paint = plain, width: int | None = None) -> str:
    """One line of `watch`."""
    text = f"{row['ns']}  {in_line(row['key'])}"
    if has_value(row):
        text += f"  {value(row)}"
    word = f"{row['change']:<6}"
    head = f"{row['seq']:>6}  "
    shown = clean(text)
    if width is not None:
        shown = cut(shown, max(8, width - len(head) - len(word) - 2))
    return f"{head}{paint(STYLES.get(row['change'], ''), word)}  {shown}"


def stats(rows: Sequence[Row], paint: Paint = plain, width: int | None = None) -> list[str]:
    if not rows:
        return ["the store is empty"]
    columns = [
        Column("NAMESPACE", elastic=True),
        Column("KEYS", right=True),
        Column("SIZE", right=True),
        Column("MAX KEYS", keep=2, right=True),
        Column("MAX SIZE", keep=3, right=True),
        Column("TTL", keep=4, right=True),
        Column("HITS", keep=6, right=True),
        Column("MISSES", keep=5, right=True),
        Column("EVICTED", keep=7, right=True),
        Column("EXPIRED", keep=6, right=True),
    ]
    body = [
        [
            row["ns"],
            str(row["keys"]),
            amount(row["bytes"]),
            str(row["max_keys"]),
            amount(row["max_size"]),
            "-" if row["ttl"] is None else span(row["ttl"]),
            *(str(row[name]) for name in ("hits", "misses", "evicted", "expired")),
        ]
        for row in rows
    ]
    return table(columns, body, paint=paint, width=width)
