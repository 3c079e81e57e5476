"""What a schema wants and what a value is, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from tmaxd.spec.problems import show
from tmaxd.spec.values import (
    DEADLINE,
    DURATION,
    LEASE,
    NAME,
    NAMESPACE,
    PERCENT,
    POSITIVE,
    SIZE,
)

NAME_WORDS: Final = (
    "lower-case letters, digits and single `-` between them, a letter first, at most 40 characters"
)
NAMES: Final = {
    "workers": ("group", NAME_WORDS),
    "inboxes": ("inbox", NAME_WORDS),
    "outboxes": ("outbox", NAME_WORDS),
    "namespaces": (
        "namespace",
        "names of lower-case letters, digits and `-`, with `/` between them, or `*` for every other one",
    ),
    "env": ("variable", "letters, digits and `_`, no digit first"),
}
"""Of a mapping whose keys the user chooses: what a key names, and what is allowed."""

_PATTERNS: Final = {
    DURATION: "a duration such as `500ms`, `30s`, `1m30s` or `2h`",
    POSITIVE: "a duration above zero such as `500ms`, `30s`, `1m30s` or `2h`",
    LEASE: "a duration such as `1m` or `30s`, or `never`",
    DEADLINE: "a duration such as `1m` or `30s`, or `never`",
    PERCENT: "a part such as `25%`",
    SIZE: "a size such as `4096`, `64KiB` or `1MiB`",
    NAMESPACE: "the name of a namespace",
    NAME: f"a name ({NAME_WORDS})",
}
_TYPES: Final = {"string": "text", "object": "a mapping", "boolean": "true or false"}


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
    kinds = (s for s in choices(schema, root) if s.get("type") != "null")
    return " or ".join(_wanted(s, root) for s in kinds)


def _wanted(schema: dict[str, Any], root: dict[str, Any]) -> str:
    if "enum" in schema:
        values = [str(value) for value in schema["enum"]]
        return f"one of {', '.join(values)}" if len(values) > 1 else f"`{values[0]}`"
    if "pattern" in schema:
        return _PATTERNS[schema["pattern"]]
    if schema["type"] in ("integer", "number"):
        if schema["type"] == "integer":
            return f"a whole number from {schema['minimum']} to {schema['maximum']}"
        return f"a number from {schema['minimum']:g} to {schema['maximum']:g}"
    if schema["type"] == "array":
        items = schema["items"]
        if "$ref" in items:
            return "a list of mappings"
        if any("$ref" in choice for choice in items.get("anyOf", ())):
            return "a list (the words of a command, or commands)"
        return (
            f"a list, each entry {wanted(items, root)}" if "anyOf" in items else "a list of strings"
        )
    if "maxLength" in schema:
        least, most = schema.get("minLength", 0), schema["maxLength"]
        return f"text of {least} to {most} characters"
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
        case float():
            return f"{value:g}"
        case str() if number and value.isdecimal() and len(value) < 19:
            return f"the text {show(value)}"  # quoted, or with leading zeros
        case str():
            return show(value) if value else "empty text"
        case list():
            return "a list"
        case _:
            return "a mapping"
