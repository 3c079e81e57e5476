"""The published schema and reference, and their agreement with the rest of the room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.unit.spec.loading import spec_of
from tmaxd.spec import reference, schema
from tmaxd.spec.fields import CLASSES, class_of
from tmaxd.spec.file_model import SpecFile
from tmaxd.spec.flags import FLAGS
from tmaxd.spec.shapes import FILE, Keys, Many, Mixed, Names, Shape
from tmaxd.spec.wording import choices, wanted

TOP = Path(__file__).parents[3]
PUBLISHED = schema.json_schema()


def accepts(value: object) -> bool:
    return bool(Draft202012Validator(PUBLISHED).is_valid(value))


def test_the_published_file_is_up_to_date() -> None:
    path = TOP / "schemas" / "tmax.schema.json"
    assert path.read_text() == schema.text(), "run python -m tmaxd.spec.schema > schemas/…"


def test_the_reference_is_up_to_date() -> None:
    path = TOP / "docs" / "spec.md"
    assert path.read_text() == reference.text(), "run python -m tmaxd.spec.reference > docs/spec.md"


def test_the_reference_has_every_key() -> None:
    page = reference.text()
    for definition in schema.checker(SpecFile)["$defs"].values():
        for key in definition["properties"]:
            assert f"| `{key}` |" in page


def test_it_is_a_valid_schema() -> None:
    Draft202012Validator.check_schema(PUBLISHED)
    assert PUBLISHED["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_editors_accept_the_example() -> None:
    assert accepts(yaml.safe_load((TOP / "examples" / "tmax.yaml").read_text()))


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("workers: {a: {run: [sleep, 1]}}", True),
        ("workers: {a: {run: [x], env: {A: 1, B: true, C: null, D: x}}}", True),
        ('workers: {a: {run: [x], count: "${N:-4}"}}', True),
        ('workers: {a: {task: [x], timeout: "${T}"}}', True),
        ("workers: {a: {run: [x], x-note: 1}}\nx-top: 1", True),
        ("workers: {a: {run: [x], cwd: ~, stop: null}}", True),
        ("workers: {a: {run: [x], cuont: 1}}", False),
        ("workers: {a: {run: [x], task: [x]}}", False),
        ("workers: {a: {count: 1}}", False),
        ("workers: {a: {run: x}}", False),
        ("workers: {A: {run: [x]}}", False),
        ("workers: {a: {task: [x], timeout: 30}}", False),
        ("workers: {a: {task: [x], timeout: 0s}}", False),
        ("workers: {a: {run: [x], env: {TMAX_A: 1}}}", False),
        ("workers: {}\npool: 1", False),
        ("workers: {}\npool: {groups: a}", True),
        ("workers: {a: {run: [x], pool: 1, after: {b: healthy}}}", True),
        ("workers: {a: {run: [x], pool: '${P}', after: {b: up}}}", False),
        ("workers: {a: {run: [x], restart: {success: [0, TERM], permanent: ['${P}']}}}", True),
        ("workers: {a: {run: [x], restart: {success: [SIGTERM]}}}", False),
        ("workers: {a: {run: [x], restart: {backoff: {factor: 1.5, jitter: '${J}'}}}}", True),
        ("workers: {a: {run: [x], restart: {backoff: {factor: 0.5}}}}", False),
        ("workers: {a: {run: [x], ready: {exec: [x, 1], within: never}}}", True),
        ("workers: {a: {serve: [x], ready: {frame: '${F}'}, stop: {keys: [q, 1]}}}", True),
        ("workers: {a: {run: [x], rollout: {surge: 10%, rollback: false}}}", True),
        ("workers: {a: {run: [x], rollout: {surge: 110%}}}", False),
        ("workers: {}\n'on': {ended: [x, 1.5], '*': [[x, 1], {run: [x, 1]}]}", True),
        ("workers: {}\n'on': {end: [x]}", False),
        ("workers: {}\n'on': {ended: {run: [x], x-why: 1}}", True),
        ("workers: {}\n'on': {ended: []}", False),
        ("workers: {a: {task: [x], lease: never, layout: shared, max_queue: '${Q}'}}", True),
        ("workers: {a: {task: [x], lease: ever}}", False),
        ("workers: {a: {task: [x], balance: stiky}}", False),
        ("workers: {}\npipes: {routes: [{from: a, to: [b, c], max_hops: 3, x-why: 1}]}", True),
        ("workers: {}\npipes: {routes: [{from: a, to: [b], hops: 3}]}", False),
        ("workers: {}\npipes: {routes: [{from: a, to: []}]}", False),
        ("workers: {}\npipes: {outboxes: {r: {from: a}}, inboxes: {t: {to: [a, b]}}}", True),
        ("workers: {}\npipes: {outboxes: {r: {to: a}}}", False),
        ("workers: {a: {task: [x], memory: {kill: '${K}', for: 2}, max_age: never}}", True),
        ("workers: {a: {task: [x], memory: {limit: 1GiB}}}", False),
        ("workers: {a: {task: [x], max_tasks: '${M}', max_age: {after: 1h, x-why: 1}}}", True),
        ("workers: {a: {task: [x], max_age: {after: 1h, jitter: 2}}}", False),
        ("workers: {}\ncleanup: [{what: tasks, ttl: '${T}', every: 1h}]", True),
        ("workers: {}\ncleanup: [{what: task, ttl: 1h, every: 1h}]", False),
        ("workers: {}\ncleanup: [{ttl: 1h, every: 1h}]", False),
        ("workers: {}\nmemory: {worker: {total: {kill: 1GiB}}}", False),
        ("workers: {}\nstore: {namespaces: {'*': {ttl: never}, a/b: null}}", False),
        ("workers: {}\nstore: {namespaces: {'*': {ttl: never}, a/b: {}}}", True),
        ("workers: {}\nstore: {namespaces: {a/: {}}}", False),
        ("workers: {}\nflags: {session_pool: '${P}', batching: null}", True),
        ("workers: {}\nflags: {sesion_pool: false}", False),
    ],
)
def test_editors_judge_as_the_loader_does(text: str, good: bool) -> None:
    assert accepts(yaml.safe_load("version: 1\nfleet: demo\n" + text)) is good


def properties(
    definition: dict[str, Any], root: dict[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every key of the format by path, `*` for keys that the user chooses."""
    for key, value in definition.get("properties", {}).items():
        yield (*path, key), value
        for choice in choices(value, root):
            yield from properties(choice, root, (*path, key))
    for each in (definition.get("additionalProperties"), definition.get("items")):
        if isinstance(each, dict):
            for choice in choices(each, root):
                yield from properties(choice, root, (*path, "*"))


ROOT = schema.checker(SpecFile)
KEYS = dict(properties(ROOT["$defs"]["SpecFile"], ROOT))


def test_every_key_is_described() -> None:
    assert len(KEYS) >= 40
    for path, value in KEYS.items():
        assert len(value["description"]) > 10, path


def test_examples_are_valid_and_defaults_are_what_the_model_has() -> None:
    defaults = {
        path[2:]: value["default"]
        for path, value in KEYS.items()
        if "default" in value and path[:2] == ("workers", "*")
    }
    assert len(defaults) >= 30
    for value in KEYS.values():
        checker = Draft202012Validator({"$defs": ROOT["$defs"], **value})
        for example in value.get("examples", ()):
            checker.validate(example)
    group = {"task": ["x"], **nested({k: v for k, v in defaults.items() if k != ("max_age",)})}
    assert defaults["max_age",] == "never"
    group["max_age"]["after"] = "1h"
    group["restart"]["limit"]["crashes"] = 3
    group["ready"]["tcp"] = group["health"]["tcp"] = 1
    least = """
  a:
    task: [x]
    restart: {limit: {crashes: 3}}
    ready: {tcp: 1}
    health: {tcp: 1}
    pool: {}
    max_age: 1h
"""
    pipes = {key: KEYS["pipes", key]["default"] for key in ("layout", "capacity")}
    route = {"from": "a", "to": "b"}
    whole = {key: KEYS["pipes", "routes", "*", key]["default"] for key in ("when", "payload")}
    both = {"a": group, "b": {"task": ["x"]}}
    written = f"workers: {json.dumps(both)}\npipes: "
    hook = {"run": ["x"], "timeout": KEYS["on", "*", "timeout"]["default"]}
    on = json.dumps({"ended": hook})
    assert spec_of(
        written + json.dumps(pipes | {"routes": [route | whole]}) + f"\non: {on}"
    ) == spec_of(
        f"workers:{least}  b: {{task: [x]}}\npipes: {{layout: dedicated, routes: [{{from: a, to: b}}]}}\n"
        "on: {ended: {run: [x]}}"
    )


def test_defaults_of_the_fleet_are_what_the_model_has() -> None:
    defaults = {
        path: value["default"]
        for path, value in KEYS.items()
        if "default" in value and path[0] in ("memory", "store", "flags", "cleanup")
    }
    assert len(defaults) >= 10 + len(FLAGS)
    file = nested({p: v for p, v in defaults.items() if p[0] != "cleanup"})
    file["store"]["namespaces"] = {"x": file["store"]["namespaces"]["*"]}
    entry = {p[-1]: v for p, v in defaults.items() if p[0] == "cleanup"}
    cleanup = {"what": "tasks", "ttl": "1h", "every": "1h", "apply": True}
    logs = entry | cleanup | {"what": "logs"}
    words = yaml.safe_dump(file | {"cleanup": [logs]})
    least = spec_of(
        "workers: {a: {task: [x]}}\nstore: {namespaces: {x: {}}}\n"
        "cleanup: [{what: logs, ttl: 1h, every: 1h}]"
    )
    said = spec_of("workers: {a: {task: [x]}}\n" + words)
    assert said == msgspec.structs.replace(
        least, flags={name: flag.default for name, flag in FLAGS.items()}
    )


def nested(flat: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for (*path, last), value in flat.items():
        inner = tree
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return tree


def test_the_shapes_are_those_of_the_schema() -> None:
    def keys(shape: Shape, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        if isinstance(shape, Keys):
            for key, inner in shape.keys.items():
                yield (*path, key)
                yield from keys(inner, (*path, key))
        elif isinstance(shape, Names | Many):
            yield from keys(shape.each, (*path, "*"))
        elif isinstance(shape, Mixed):
            yield from keys(shape.keys, path)
            yield from keys(shape.keys, (*path, "*"))

    assert set(keys(FILE)) == set(KEYS)


def test_every_key_has_a_class() -> None:
    """`include` and `defaults` are worked in before anything is compared."""
    known = {path for path in KEYS if path[0] not in ("include", "defaults")}
    for path in known:
        assert class_of(path) in ("live", "next_start", "when_idle", "refused")
    for pattern in CLASSES:
        path = tuple(pattern.split("."))
        assert path in known or path[-1] == "*", f"{pattern} is no key"
    with pytest.raises(KeyError):
        class_of(("workers", "a", "restarts"))


def test_every_value_has_words() -> None:
    for path, value in KEYS.items():
        assert wanted(value, ROOT), path
