"""Text for people: safe characters, spans of time, widths, colours. Pure; knows nothing of tmaxd."""

from __future__ import annotations

import re
from collections.abc import Callable

Paint = Callable[[str, str], str]
"""(style, text) → text, coloured or not."""

_STYLES = {
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "dim": "2",
    "bold": "1",
}

_NAMED = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "\x1b": "\\e"}

# C0, DEL, C1; surrogates; the characters that reorder text, with which a name can look like another
# one (Unicode TR 36); line and paragraph separator.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
)

_WORD = re.compile(r"( *)([^ ]+)")


def plain(style: str, text: str) -> str:
    """A `Paint` that paints nothing."""
    return text


def colour(style: str, text: str) -> str:
    code = _STYLES.get(style)
    return f"\x1b[{code}m{text}\x1b[0m" if code and text else text


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    code = ord(character)
    return _NAMED.get(character) or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


def clean(text: str) -> str:
    """One line with nothing in it that a terminal would obey: control characters become visible."""
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_visible, text)


def in_line(text: str) -> str:
    """What is said in several lines, in one."""
    return "; ".join(line.strip() for line in text.splitlines() if line.strip())


def columns_of(text: str) -> int:
    """Terminal columns that clean text takes."""
    if text.isascii():
        return len(text)
    # Imported late: names and payloads are ASCII nearly always.
    from unicodedata import combining, east_asian_width

    return sum(
        0 if combining(c) or c == "\u200d" else 2 if east_asian_width(c) in "WF" else 1
        for c in text
    )


def cut(text: str, width: int) -> str:
    """At most `width` columns, with `…` where something is missing."""
    if columns_of(text) <= width:
        return text
    kept: list[str] = []
    room = width - 1
    for character in text:
        room -= columns_of(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…" if width > 0 else ""


def cut_left(text: str, width: int) -> str:
    """Likewise, with the end kept: what counts in a path."""
    return text if columns_of(text) <= width else cut(text[::-1], width)[::-1]


def span(seconds: float) -> str:
    """A length of time in a few characters: `0ms`, `350ms`, `4.2s`, `2m03s`, `3h12m`, `5d04h`."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole // 60 % 60:02}m"
    return f"{whole // 86400}d{whole // 3600 % 24:02}h"


def amount(size: float) -> str:
    """Bytes with three digits, in the units of the spec: `41.2 MiB`."""
    units = ["GiB", "MiB", "KiB", "B"]
    while size >= 1000 and len(units) > 1:
        size /= 1024
        units.pop()
    digits = 0 if size >= 100 or units[-1] == "B" else 1 if size >= 10 else 2
    return f"{size:,.{digits}f} {units[-1]}"


def many(number: int, noun: str) -> str:
    """`1 task`, `2 tasks`, `1,200 tasks`, `2 outboxes`."""
    plural = "es" if noun.endswith("x") else "s"
    return f"{number:,} {noun}" + ("" if number == 1 else plural)


def fitted(text: str, width: int | None) -> list[str]:
    """Lines for people, made clean and wrapped; what a line is indented by, its continuations are too."""
    found: list[str] = []
    for line in map(clean, text.splitlines()):
        indent = line[: len(line) - len(line.lstrip())]
        found += wrap(line, width, indent + "  ")
    return found


def wrap(text: str, width: int | None, indent: str = "  ") -> list[str]:
    """Clean text as lines of at most `width` columns, broken at blanks where there are any; all but the first
    begin with `indent`."""
    if width is None or columns_of(text) <= width:
        return [text]
    lines = [""]
    for blanks, word in _WORD.findall(text):
        line = lines[-1] + blanks + word
        if lines[-1].strip() and columns_of(line) > width:
            lines.append("")
            line = indent + word
        # A word that is wider than a line is broken anywhere.
        while columns_of(line) > width > len(indent) + 1:
            lines[-1] = cut(line, width + 1)[:-1]
            line = indent + line[len(lines[-1]) :]
            lines.append("")
        lines[-1] = line
    return lines
