"""The payload templates of routes: their grammar, which the check of the spec and the routes themselves share.

Text with placeholders in braces; `{{` and `}}` are braces. Values go in as they are: a placeholder in a value is
text like any other and is never looked at again. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PLACEHOLDERS: Final = (
    "result",
    "error",
    "payload",
    "task",
    "group",
    "worker",
    "attempt",
    "state",
)
"""What a template may name; `tmaxd.tasks.routes` says what stands for each."""

_TOKENS: Final = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]|[^{}]+")


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing wrong with a template: `length` characters from `position` (from 0) on."""

    position: int
    length: int
    message: str
    """What is wrong, as a phrase without a full stop."""
    name: str | None = None
    """The unknown placeholder, for a guess at what was meant."""


@dataclass(frozen=True, slots=True)
class Template:
    """A template that is right. `parts` are (text, placeholder after it or None)."""

    parts: tuple[tuple[str, str | None], ...]

    @property
    def names(self) -> frozenset[str]:
        """The placeholders in it."""
        return frozenset(name for _, name in self.parts if name is not None)

    def fill(self, values: Mapping[str, str]) -> str:
        """`values` has every one of `names`."""
        return "".join(text if name is None else text + values[name] for text, name in self.parts)


def parse(text: str) -> Template | tuple[Mistake, ...]:
    """The template, or everything that is wrong with it, from left to right."""
    parts: list[tuple[str, str | None]] = []
    mistakes: list[Mistake] = []
    plain = ""
    for token in _TOKENS.finditer(text):
        found = token[0]
        if token[1] in PLACEHOLDERS:
            parts.append((plain, token[1]))
            plain = ""
        elif found in ("{{", "}}"):
            plain += found[0]
        elif found[0] in "{}":
            mistakes.append(Mistake(token.start(), len(found), _what(found), token[1] or None))
        else:
            plain += found
    if plain:
        parts.append((plain, None))
    return tuple(mistakes) if mistakes else Template(tuple(parts))


def _what(found: str) -> str:
    if found == "{":
        return "this { is never closed; a brace that is meant as text is written {{"
    if found == "}":
        return "this } closes nothing; a brace that is meant as text is written }}"
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    if found == "{}":
        return f"empty braces name no placeholder; there are {known}; {{{{}}}} stands for braces"
    return f"there is no placeholder {found}; there are {known}"
