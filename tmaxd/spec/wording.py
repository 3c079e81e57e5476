"""What a schema wants and what a value is, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tmaxd.spec.problems import show
from tmaxd.spec.values import DURATION, LEASE, NAME, POSITIVE, SIZE

NAME_WORDS: Final = (
    "lower-case letters, digits and single `-` between them, a letter first, at most 40 characters"
)
NAMES: Final = {
    "workers": ("group", NAME_WORDS),
    "inboxes": ("inbox", NAME_WORDS),
    "outboxes": ("outbox", NAME_WORDS),
    "env": ("variable", "letters, digits and `_`, no digit first"),
}
"""Of a mapping whose keys the user chooses: what a key names, and what is allowed."""

_PATTERNS: Final = {
    DURATION: "a duration such as `500ms`, `30s`, `1m30s` or `2h`",
    POSITIVE: "a duration above zero such as `500ms`, `30s`, `1m30s` or `2h`",
    LEASE: "a duration such as `1m` or `30s`, or `never`",
    SIZE: "a size such as `4096`, `64KiB` or `1MiB`",
    NAME: f"a name ({NAME_WORDS})",
}
_TYPES: Final = {"string": "text", "array": "a list of strings", "object": "a mapping"}


def choices(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The plain schemas that a schema with `anyOf` and `$ref` chooses between."""
    if "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        for branch in schema["anyOf"]:
            yield from choices(branch, root)
    else:
        yield schema


def wanted(schema: dict[str, Any], root: dict[str, Any]) -> str:
    """`a whole number from 0 to 1000`; null, which is legal nearly everywhere, is left out."""
    return " or ".join(_wanted(s) for s in choices(schema, root) if s.get("type") != "null")


def _wanted(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        values = [str(value) for value in schema["enum"]]
        return f"one of {', '.join(values)}" if len(values) > 1 else f"`{values[0]}`"
    if "pattern" in schema:
        return _PATTERNS[schema["pattern"]]
    if schema["type"] == "integer":
        return f"a whole number from {schema['minimum']} to {schema['maximum']}"
    if schema["type"] == "array" and "$ref" in schema["items"]:
        return "a list of mappings"
    return _TYPES[schema["type"]]


def found(value: object, *, number: bool) -> str:
    """What stands there; `number`: where a number is wanted."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str() if number and value.isdecimal() and len(value) < 19:
            return f"the text {show(value)}"  # quoted, or with leading zeros
        case str():
            return show(value) if value else "empty text"
        case list():
            return "a list"
        case _:
            return "a mapping"
