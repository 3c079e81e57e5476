"""Tables: aligned columns that fit the terminal. Where there is no room, the least important columns go; nothing
is ever wrapped. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tmaxd.ctl.text import Paint, clean, columns_of, cut, cut_left, plain

Cell = str | tuple[str, str]
"""Text, or (style, text)."""

GAP = 2
"""Blanks between two columns."""

LEAST = 16
"""What a column that can be cut gets at least before another one is dropped for it."""

ALWAYS = 10


@dataclass(frozen=True)
class Column:
    title: str
    keep: int = ALWAYS
    """Columns with lower numbers are dropped first, those with `ALWAYS` never."""
    right: bool = False
    """Aligned to the right, as numbers are."""
    elastic: bool = False
    """Cut when there is no room, down to `LEAST`."""
    path: bool = False
    """Cut at the front."""


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[Cell]],
    *,
    paint: Paint = plain,
    width: int | None = None,
) -> list[str]:
    """No line is wider than `width` columns. Every cell is made clean here."""
    cells = [[("bold", c.title) for c in columns], *([_cell(cell) for cell in r] for r in rows)]
    sizes = [max(columns_of(row[i][1]) for row in cells) for i in range(len(columns))]
    shown = list(range(len(columns)))
    if width is not None:
        shown = _kept(columns, sizes, width)
        _squeeze(columns, sizes, shown, width)
    return [_line(row, columns, sizes, shown, paint) for row in cells]


def _cell(cell: Cell) -> tuple[str, str]:
    style, text = cell if isinstance(cell, tuple) else ("", cell)
    return style, clean(text)


def _kept(columns: Sequence[Column], sizes: Sequence[int], width: int) -> list[int]:
    """The columns for which there is room."""
    least = [min(s, LEAST) if c.elastic else s for c, s in zip(columns, sizes, strict=True)]
    shown = list(range(len(columns)))
    while _total(least, shown) > width:
        victim = min(shown, key=lambda i: (columns[i].keep, -i))
        if columns[victim].keep >= ALWAYS:
            break
        shown.remove(victim)
    return shown


def _squeeze(columns: Sequence[Column], sizes: list[int], shown: Sequence[int], width: int) -> None:
    """Cut what is too wide still: elastic columns, and when they are as small as can be, the widest ones."""
    for index in shown:
        if columns[index].elastic:
            over = max(0, _total(sizes, shown) - width)
            sizes[index] = max(min(sizes[index], LEAST), sizes[index] - over)
    while (over := _total(sizes, shown) - width) > 0:
        widest = max(shown, key=lambda i: sizes[i])
        if sizes[widest] <= 3:
            break
        sizes[widest] = max(3, sizes[widest] - over)


def _total(sizes: Sequence[int], shown: Sequence[int]) -> int:
    return sum(sizes[i] for i in shown) + GAP * (len(shown) - 1)


def _line(
    row: Sequence[tuple[str, str]],
    columns: Sequence[Column],
    sizes: Sequence[int],
    shown: Sequence[int],
    paint: Paint,
) -> str:
    parts: list[str] = []
    for i in shown:
        style, text = row[i]
        text = (cut_left if columns[i].path else cut)(text, sizes[i])
        gap = " " * (sizes[i] - columns_of(text))
        painted = paint(style, text)
        parts.append(gap + painted if columns[i].right else painted + gap)
    return (" " * GAP).join(parts).rstrip()
