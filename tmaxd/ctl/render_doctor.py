"""What the doctor found, as lines: level, check and the sentence in columns, below them what comes of it and what
mends it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tmaxd.ctl.doctor.finding import Finding, Level
from tmaxd.ctl.text import Paint, clean, many, plain, wrap

STYLES: Mapping[Level, str] = {"error": "red", "warning": "yellow", "note": "cyan", "ok": "green"}

LEVEL = max(map(len, STYLES)) + 2
"""Columns of the first word and the gap behind it."""
GAP = 2
LEAST = 30
"""Columns that the text gets at least."""


def findings(
    found: Sequence[Finding], *, paint: Paint = plain, width: int | None = None
) -> list[str]:
    """One block a finding."""
    second = max((len(one.check) for one in found), default=0) + GAP
    indent = " " * (LEVEL + second)
    if width is not None and width < len(indent) + LEAST:
        indent = "  "  # there is no room for text in a column of its own
    lines: list[str] = []
    for one in found:
        head = f"{one.level:<{LEVEL}}{one.check:<{second}}"
        first, *rest = wrap(head + clean(one.what), width, indent)
        lines.append(paint(STYLES[one.level], first[: len(one.level)]) + first[len(one.level) :])
        lines += rest
        for text in (one.consequence, f"fix: {one.fix}" if one.fix else ""):
            if text:
                lines += wrap(indent + clean(text), width, indent + "  ")
    return lines


def repairs(done: Iterable[tuple[Finding, bool, str]]) -> list[str]:
    """What `--fix` did, and what it did not."""
    return [clean(f"{'fixed' if well else 'not fixed'}: {text}") for _, well, text in done]


def summary(counts: Mapping[Level, int], about: str) -> str:
    """The last line. `about`: what was looked at."""
    parts = [many(counts[level], level) for level in ("error", "warning", "note")]
    return f"{clean(about)}: {', '.join(parts)}, {counts['ok']} ok"
