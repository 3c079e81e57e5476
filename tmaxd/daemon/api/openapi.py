"""The API's description, made from the verbs and the types.

`python -m tmaxd.daemon.api.openapi > schemas/api.openapi.yaml` writes it; a test keeps the two equal.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from itertools import pairwise, product
from types import ModuleType
from typing import Any

import msgspec
import yaml

from tmaxd.daemon.api import types
from tmaxd.daemon.api.app import VERBS
from tmaxd.daemon.api.types import Refused
from tmaxd.daemon.api.verb import Parameter, Verb
from tmaxd.spec import problems
from tmaxd.tasks import records

WORDED = (
    types.flags,
    types.memory,
    types.refused,
    types.spec,
    types.status,
    types.tasks,
    records.read,
    problems,
)
"""The modules whose structs say something of their fields."""

REF = "#/components/schemas/{name}"

ABOUT = """\
HTTP/1.1 over the fleet's unix socket, `api.sock` in its runtime folder. Only the fleet's owner and
root get in: the kernel's word for the peer's user id is checked, anyone else gets a 403.

Every refusal is a JSON object with `error`, a fixed word, and `message`. Times are seconds since the
epoch. With curl: `curl --unix-socket $XDG_RUNTIME_DIR/tmaxd/FLEET/api.sock http://tmaxd/v1/status`.
"""


def _structs(verbs: tuple[Verb, ...]) -> list[type[msgspec.Struct]]:
    found: list[type[msgspec.Struct]] = [Refused]
    for verb in verbs:
        shapes = [shape for _, _, shape in verb.answers.values()]
        for shape in (*shapes, *verb.bodies.values(), *verb.more):
            if isinstance(shape, type) and shape not in found:
                found.append(shape)
    return found


def _schema(shape: type | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(shape, type):
        return {"$ref": REF.format(name=shape.__name__)}
    return dict(shape)


def _field_texts(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """(class, field, the string that follows the field) for every field of a module that has one."""
    tree = ast.parse(inspect.getsource(module))
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        for field, text in pairwise(node.body):
            match field, text:
                case (
                    ast.AnnAssign(target=ast.Name(id=name)),
                    ast.Expr(value=ast.Constant(value=str(words))),
                ):
                    yield node.name, name, " ".join(words.split())


def _components() -> dict[str, dict[str, Any]]:
    _, components = msgspec.json.schema_components(_structs(VERBS), ref_template=REF)
    texts = {(c, f): words for m in WORDED for c, f, words in _field_texts(m)}
    for name, component in components.items():
        struct = getattr(types, name, None) or getattr(records, name)
        for base, field in product(struct.__mro__, component["properties"]):
            # `for_` in Python is `for` in JSON.
            names = (base.__name__, field), (base.__name__, f"{field}_")
            if words := texts.get(names[0]) or texts.get(names[1]):
                component["properties"][field]["description"] = words
        component.pop("title", None)
        if "description" in component:
            component["description"] = " ".join(component["description"].split())
    return dict(sorted(components.items()))


def _parameter(parameter: Parameter, path: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": "path" if f"{{{parameter.name}}}" in path else "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": dict(parameter.schema),
    }
    if parameter.schema.get("type") == "array":
        described |= {"style": "form", "explode": False}
    return described


def _operation(verb: Verb) -> dict[str, Any]:
    answers = dict(verb.answers) | {403: ("`forbidden`", "application/json", Refused)}
    operation: dict[str, Any] = {"operationId": verb.name, "summary": verb.summary}
    if verb.parameters:
        operation["parameters"] = [_parameter(p, verb.path) for p in verb.parameters]
    if verb.bodies:
        operation["requestBody"] = {
            "required": True,
            "content": {media: {"schema": _schema(s)} for media, s in verb.bodies.items()},
        }
    operation["responses"] = {
        str(status): {"description": text, "content": {media: {"schema": _schema(shape)}}}
        for status, (text, media, shape) in sorted(answers.items())
    } | {
        "default": {
            "description": "Refused; `error` says why",
            "content": {"application/json": {"schema": _schema(Refused)}},
        }
    }
    return operation


def document() -> dict[str, Any]:
    """The whole description as OpenAPI 3.1, whose schemas are JSON Schema 2020-12."""
    paths: dict[str, dict[str, Any]] = {}
    for verb in VERBS:
        paths.setdefault(verb.path, {})[verb.method.lower()] = _operation(verb)
    return {
        "openapi": "3.1.0",
        "info": {"title": "tmaxd", "version": "1", "description": ABOUT},
        "paths": paths,
        "components": {"schemas": _components()},
    }


def text() -> str:
    # A round trip through JSON turns tuples into lists and shared pieces into copies (no anchors).
    plain = msgspec.json.decode(msgspec.json.encode(document()))
    return yaml.dump(plain, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


class _Dumper(yaml.SafeDumper):
    """Text of several lines as a block, which people can read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar(
        "tag:yaml.org,2002:str", value, style="|" if "\n" in value else None
    )


_Dumper.add_representer(str, _text)


if __name__ == "__main__":
    sys.stdout.write(text())
