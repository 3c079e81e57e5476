"""Names that do not exist, in words: the nearest that does, or all. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MOST = 12
"""Names that are listed."""


def misspelt(kind: str, word: str, known: Iterable[str]) -> str:
    # Imported late: 3 ms, and only for mistakes.
    from difflib import get_close_matches

    names = list(known)
    near = get_close_matches(word, names, n=1) or [n for n in names if len(word) > 2 and word in n]
    if near:
        return f"there is no {kind} `{word}`; did you mean {near[0]}?"
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return f"there is no {kind} `{word}`; there are: {', '.join(names[:MOST]) or 'none'}{more}"
