"""A measured figure: its samples, what it should reach, and how it is shown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the table. Without a `limit` it is there for scale only."""

    suite: str
    what: str
    unit: str
    samples: tuple[float, ...]
    """One a round, in the order in which they were taken; empty when nothing could be measured."""
    limit: float | None = None
    """The median should not be beyond it."""
    better: Literal["low", "high"] = "low"
    note: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.samples)

    @property
    def met(self) -> bool | None:
        """None: there is nothing to reach, or nothing was measured."""
        if self.limit is None or not self.samples:
            return None
        return self.median <= self.limit if self.better == "low" else self.median >= self.limit

    def row(self) -> tuple[str, str, str, str, str, str, str]:
        """Suite, what, median, range, target, verdict, note."""
        verdict = {None: "", True: "met", False: "MISSED"}[self.met]
        if not self.samples:
            return (self.suite, self.what, "-", "", "", verdict, self.note)
        reach = f"{number(min(self.samples))} … {number(max(self.samples))}"
        sign = "≤" if self.better == "low" else "≥"
        target = "" if self.limit is None else f"{sign} {number(self.limit)} {self.unit}".strip()
        shown = f"{number(self.median)} {self.unit}".strip()
        spread = reach if len(self.samples) > 1 else ""
        return (self.suite, self.what, shown, spread, target, verdict, self.note)


ABSENT = "not installed"

HEAD = ("suite", "what", "median", "range", "target", "", "note")


def ratio(
    suite: str,
    what: str,
    over: Sequence[float],
    under: Sequence[float],
    limit: float | None = None,
    better: Literal["low", "high"] = "low",
) -> Figure:
    """Each round's `over` divided by the same round's `under`, so that a slow minute hits both alike."""
    samples = tuple(a / b for a, b in zip(over, under, strict=True))
    return Figure(suite=suite, what=what, unit="×", samples=samples, limit=limit, better=better)


def percentile(values: Iterable[float], part: float) -> float:
    """The value that `part` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)]


def number(value: float) -> str:
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 100 else f"{value:.0f}"


def table(figures: Sequence[Figure]) -> str:
    rows = [HEAD, *(figure.row() for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)
