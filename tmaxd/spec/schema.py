"""The JSON Schema (draft 2020-12) of the file format, made from `file_model`.

`python -m tmaxd.spec.schema > schemas/tmax.schema.json` writes the published form.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from tmaxd.spec.event_names import EVENTS, EVERY
from tmaxd.spec.file_model import PartFile, SpecFile
from tmaxd.spec.units import Duration, Size
from tmaxd.spec.values import (
    DEADLINE,
    DURATION,
    END,
    LEASE,
    MAX_PLAIN_SIZE,
    POSITIVE,
    SIZE,
    Deadline,
    Lease,
    Positive,
)

KINDS = ("run", "serve", "task")
DRAFT = "https://json-schema.org/draft/2020-12/schema"


REFERENCE = {"description": "A reference such as `${VAR}`.", "type": "string", "pattern": "\\$\\{"}
WORD = {"type": ["string", "number", "boolean"]}
"""In argv and env; taken as it is written."""
_WORDS = (*KINDS, "exec", "keys")
"""Lists of words."""
_NOTES = ("description", "examples", "default")
_FIRST = ("version", "fleet", *KINDS, "count")


def json_schema() -> dict[str, Any]:
    """The schema of a spec file, as editors and other validators read it: of the text before `${VAR}` is
    replaced and words are taken as they are written, so it is a little wider than the loader."""
    schema = _published(checker(SpecFile))
    schema["$defs"]["Reference"] = REFERENCE
    for definition in schema["$defs"].values():
        if keys := definition.get("properties"):
            definition["patternProperties"] = {"^x-": {"description": "Ignored."}}
            for name in _WORDS:
                for words in _lists(keys.get(name, {})):
                    words["items"] = WORD
            if "env" in keys:
                keys["env"]["anyOf"][0]["additionalProperties"]["anyOf"][0] = WORD
            if "on" in keys:
                _hooks(keys["on"]["anyOf"][0])
    return {"$schema": DRAFT, "title": "tmax.yaml, version 1", **schema}


def _lists(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in (schema, *schema.get("anyOf", ())) if part.get("type") == "array"]


def _hooks(by_event: dict[str, Any]) -> None:
    """Editors complete the names of events."""
    by_event["propertyNames"] = {"enum": [EVERY, *sorted(EVENTS)]}
    for hooks in _lists(by_event["additionalProperties"]):
        choices = hooks["items"]["anyOf"]
        for words in _lists(hooks["items"]):
            words["items"] = WORD
        choices[choices.index({"type": "string"})] = WORD


def checker(model: type[PartFile]) -> dict[str, Any]:
    """The schema that mistakes are explained from: `x-…` keys are gone already, references replaced, and
    patterns are Python's. It accepts exactly what `msgspec.convert` to the model accepts."""
    schema = msgspec.json.schema(model, schema_hook=_custom)
    for definition in schema["$defs"].values():
        del definition["title"]  # the class name, which means nothing to a reader
        definition["description"] = " ".join(definition["description"].split())
        keys = definition["properties"]
        if keys.keys() & {"version", "count"}:  # the file, a group
            first = {key: keys[key] for key in _FIRST if key in keys}
            definition["properties"] = first | keys
    schema["$defs"]["GroupKeys"]["oneOf"] = [{"required": [kind]} for kind in KINDS]
    return schema


def text() -> str:
    """The schema as the published file holds it."""
    return msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode() + "\n"


def _custom(kind: type) -> dict[str, Any]:
    if kind is Size:
        return {
            "type": ["integer", "string"],
            "pattern": SIZE,
            "minimum": 0,
            "maximum": MAX_PLAIN_SIZE,
        }
    if issubclass(kind, Duration):
        patterns: dict[type, str] = {Deadline: DEADLINE, Lease: LEASE, Positive: POSITIVE}
        return {"type": "string", "pattern": patterns.get(kind, DURATION)}
    raise NotImplementedError(kind)


def _published(value: Any, key: str = "") -> Any:  # noqa: ANN401 - any part of a schema
    if isinstance(value, list):
        return [_published(item) for item in value]
    if not isinstance(value, dict):
        return value.replace(END, "$") if key == "pattern" else value
    if key in ("examples", "default"):
        return value
    out = {k: _published(v, k) for k, v in value.items() if v != []}
    return _or_reference(out) if key != "propertyNames" else out


def _or_reference(schema: dict[str, Any]) -> dict[str, Any]:
    """A value that is not just any text may also be a reference."""
    rules = {k: v for k, v in schema.items() if k not in _NOTES}
    plain = rules.get("type") not in ("integer", "number", "boolean")
    if plain and "enum" not in rules and "pattern" not in rules:
        return schema
    notes = {k: v for k, v in schema.items() if k in _NOTES}
    return notes | {"anyOf": [rules, {"$ref": "#/$defs/Reference"}]}


if __name__ == "__main__":
    sys.stdout.write(text())
