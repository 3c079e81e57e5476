"""`${VAR}` and `${VAR:-default}` in one value. `$$` is a dollar sign; a `$` before anything else stays."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from tmaxd.spec.problems import show

_REFERENCE = re.compile(
    r"\$(?:\$|\{(?P<name>[A-Za-z_][A-Za-z0-9_]*)(?::-(?P<default>[^}]*))?\}|(?P<odd>\{[^}]{0,40}\}?))"
)


class Trouble(NamedTuple):
    """A reference that has no value."""

    offset: int
    """Where it begins in the value."""
    text: str
    message: str
    unset: str | None = None
    """The variable, when that is the trouble."""


class TooLong(Exception):
    """The value would pass the limit."""


def expand(text: str, env: Mapping[str, str], limit: int) -> tuple[str, list[Trouble]]:
    """The value, and what is wrong with it (troubled references stay as they are written). Raises TooLong
    when what is put in has more than `limit` characters.

    As in a POSIX shell, the default stands in for a variable that is unset or empty. A default is
    literal text: references do not nest.
    """
    if "$" not in text:
        return text, []
    troubles: list[Trouble] = []
    left = limit

    def put(value: str) -> str:
        nonlocal left
        left -= len(value)
        if left < 0:
            raise TooLong
        return value

    def replace(found: re.Match[str]) -> str:
        whole, name, default = found[0], found["name"], found["default"]
        if whole == "$$":
            return "$"
        if found["odd"] is not None or (default is not None and "${" in default):
            message = (
                f"{show(whole)} is no reference: write `${{NAME}}` or `${{NAME:-default}}`, "
                "or `$$` for a dollar sign"
            )
            troubles.append(Trouble(found.start(), whole, message))
            return whole
        value = env.get(name)
        if default is not None:
            return put(value) if value else default.replace("$$", "$")
        if value is None:
            message = f"the variable {name} is not set; set it or write `${{{name}:-default}}`"
            troubles.append(Trouble(found.start(), whole, message, name))
            return whole
        return put(value)

    return _REFERENCE.sub(replace, text), troubles
