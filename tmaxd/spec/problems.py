"""What is wrong with a spec, as values: where it stands, what is allowed, what was probably meant.

Only text and numbers, so that a problem crosses the API unchanged; `render` makes the form people
read.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import msgspec

MAX_PROBLEMS = 200
"""More at once help nobody, and a file of noise must not cost seconds."""

_EXCERPT = 120
_VALUE = 60


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    file: str
    """As the user named it: relative where the main file was given so."""
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    key: str = ""
    """Dotted path, such as `workers.check.task[0]`; empty when the file as a whole is meant."""
    message: str
    allowed: str | None = None
    nearest: str | None = None
    """The legal spelling that is closest to what was written."""
    source: str | None = None
    """The source line, or the part of a long one around the column. None where there is no line to show
    and for env files, whose lines hold secrets."""
    caret: int = 0
    """Characters of `source` before the place."""


def render(problem: Problem) -> str:
    """Several lines without a last newline: place and message, the source line with a caret, help."""
    place = f"{problem.file}:{problem.line}:{problem.column}: "
    lines = [place + (f"{problem.key}: " if problem.key else "") + problem.message]
    if problem.source is not None:
        number = f"{problem.line:>5}"
        lines.append(f"{number} | {problem.source}".rstrip())
        lines.append(f"{'':>5} | {' ' * _width(problem.source[: problem.caret])}^")
    helps = []
    if problem.nearest is not None:
        helps.append(f"did you mean `{problem.nearest}`?")
    if problem.allowed is not None:
        helps.append(f"allowed: {problem.allowed}")
    if helps:
        lines.append("  " + " ".join(helps))
    return "\n".join(lines)


def excerpt(line: str, column: int) -> tuple[str, int]:
    """A source line (column from 0) as it may be shown on a terminal, and where the caret stands."""
    start = 0 if len(line) <= _EXCERPT else max(0, column - _EXCERPT // 2)
    part = clean(line[start : start + _EXCERPT])
    lead = "…" if start else ""
    tail = "…" if start + _EXCERPT < len(line) else ""
    return lead + part + tail, column - start + len(lead)


def clean(text: str) -> str:
    """Text without control characters and lone surrogates, of the same length."""
    return "".join(c if c.isprintable() else " " if c == "\t" else "·" for c in text)


def show(text: str) -> str:
    """A value from the file inside a message."""
    return f"`{clean(text if len(text) <= _VALUE else text[:_VALUE] + '…')}`"


def dotted(path: Iterable[str | int]) -> str:
    """("workers", "check", "task", 0) → `workers.check.task[0]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = clean(part if len(part) <= _VALUE else part[:_VALUE] + "…")
            text += f".{name}" if text else name
    return text


def _width(text: str) -> int:
    """Terminal columns; East Asian wide characters take two, combining marks none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
