"""The reference of all keys, made from the schema and the table of field classes.

`python -m tmaxd.spec.reference > docs/spec.md` writes it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from tmaxd.spec.event_names import EVERY, KINDS, MEANINGS
from tmaxd.spec.fields import class_of
from tmaxd.spec.file_model import SpecFile
from tmaxd.spec.schema import checker
from tmaxd.spec.wording import NAME_WORDS, choices, wanted

_HEAD = f"""\
# tmax.yaml, version 1

*Made from the schema by `python -m tmaxd.spec.reference`; do not edit.*

One file declares a fleet: groups of terminal workers, and the FIFOs that feed them. Saving it is what
changes a running fleet; `tmaxctl validate` checks it, `tmaxctl plan` says what a save would do. An editor
that reads `# yaml-language-server: $schema=…/tmax.schema.json` completes and explains every key.

## Rules for all values

* A key that is not on this page is an error; keys that begin with `x-` are ignored wherever keys are fixed
  (put anchors there). Anchors, aliases and merge keys (`<<`) work.
* **Durations** are written `500ms`, `30s`, `5m`, `2h`, `1d`, or together: `1m30s`. A bare number is an error.
* **Sizes** are written `4096`, `64KiB`, `512MiB`, `2GiB`; `KB`, `MB` and `GB` are decimal.
* **Names** of fleets, groups, inboxes and outboxes: {NAME_WORDS}.
* **argv** is a list, `[program, argument, …]`; no shell reads it. Numbers and booleans in argv and `env` are
  taken as they are written, so that `1.10` stays `1.10`.
* **References**: `${{VAR}}` in a value is replaced by the environment variable, `${{VAR:-default}}` by the
  default where it is unset or empty. A variable that is not set and has no default is an error. `$$` is a
  dollar sign; a `$` before anything else stays. Inside `[…]` and `{{…}}` YAML wants quotes around them. A
  value without quotes is read as a number or boolean after that: `count: ${{N:-4}}`.
* **Paths** may begin with `~/`, and are relative to the file they stand in.
* `null` (or nothing after the colon) takes back what `defaults` sets. `~` is the home folder, not null.
* **Env files** hold `KEY=value` lines; `export ` before, `#` comments, single and double quotes (with
  `\\n \\t \\r \\" \\\\ \\$`) are understood, references are not.
* Limits: 1 MiB a file, 64 files, 100,000 values a file with aliases expanded, 5,000 workers.

*Takes effect* says what a change does to a running fleet: `live`: at once; `when idle`: each worker is
replaced once it has finished what it does, as its `rollout` says; `next start`: when a worker is started for another
reason; `refused`: only with a new fleet.
"""

_SECTIONS = {
    "SpecFile": ("The file", ()),
    "GroupKeys": ("A group: `workers.GROUP`", ("workers", "*")),
    "StopKeys": ("`workers.GROUP.stop`", ("workers", "*", "stop")),
    "RestartKeys": ("`workers.GROUP.restart`", ("workers", "*", "restart")),
    "RestartBackoffKeys": (
        "`workers.GROUP.restart.backoff`",
        ("workers", "*", "restart", "backoff"),
    ),
    "RestartLimitKeys": ("`workers.GROUP.restart.limit`", ("workers", "*", "restart", "limit")),
    "ReadyKeys": ("`workers.GROUP.ready`", ("workers", "*", "ready")),
    "HealthKeys": ("`workers.GROUP.health`", ("workers", "*", "health")),
    "RolloutKeys": ("`workers.GROUP.rollout`", ("workers", "*", "rollout")),
    "GroupMemoryKeys": ("`workers.GROUP.memory`", ("workers", "*", "memory")),
    "TotalMemoryKeys": ("`workers.GROUP.memory.total`", ("workers", "*", "memory", "total")),
    "AgeKeys": ("`workers.GROUP.max_age`", ("workers", "*", "max_age")),
    "PoolKeys": ("`workers.GROUP.pool`", ("workers", "*", "pool")),
    "RetryKeys": ("`workers.GROUP.retry`", ("workers", "*", "retry")),
    "BackoffKeys": ("`workers.GROUP.retry.backoff`", ("workers", "*", "retry", "backoff")),
    "PipesKeys": ("`pipes`", ("pipes",)),
    "InboxKeys": ("An inbox: `pipes.inboxes.INBOX`", ("pipes", "inboxes", "*")),
    "OutboxKeys": ("An outbox: `pipes.outboxes.OUTBOX`", ("pipes", "outboxes", "*")),
    "RouteKeys": ("A route: an entry of `pipes.routes`", ("pipes", "routes", "*")),
    "PoolsKeys": ("`pool`", ("pool",)),
    "MemoryKeys": ("`memory`", ("memory",)),
    "WorkerMemoryKeys": ("`memory.worker`", ("memory", "worker")),
    "FleetMemoryKeys": ("`memory.fleet`", ("memory", "fleet")),
    "CleanupKeys": ("A clean-up: an entry of `cleanup`", ("cleanup", "*")),
    "StoreKeys": ("`store`", ("store",)),
    "NamespaceKeys": ("`store.namespaces.NAMESPACE`", ("store", "namespaces", "*")),
    "FlagsKeys": ("`flags`", ("flags",)),
    "HookKeys": ("A hook: `on.EVENT`, or an entry of it", ("on", "*")),
}


def text() -> str:
    """The page, with its last newline."""
    root = checker(SpecFile)
    parts = [_HEAD]
    for name, (title, path) in _SECTIONS.items():
        parts.append("\n".join(_section(root, root["$defs"][name], title, path)))
    parts.append("\n".join(_events()))
    return "\n".join(parts)


def _events() -> Iterator[str]:
    yield "## The events that `on` may name\n"
    yield f"`{EVERY}` is every event.\n"
    yield "| event | meaning |"
    yield "|---|---|"
    kinds = {kind: meaning for kind, (_, _, meaning) in KINDS.items()}
    for name, meaning in (kinds | MEANINGS).items():
        yield f"| `{name}` | {meaning} |"
    yield ""


def _section(
    root: dict[str, Any], definition: dict[str, Any], title: str, path: tuple[str, ...]
) -> Iterator[str]:
    yield f"## {title}\n"
    yield f"{definition['description']}\n"
    yield "| key | value | default | takes effect | meaning |"
    yield "|---|---|---|---|---|"
    required = definition.get("required", ())
    for key, schema in definition["properties"].items():
        default = "(required)" if key in required else _code(schema.get("default"))
        cells = [f"`{key}`", _value(root, schema), default, _class((*path, key)), _notes(schema)]
        yield "| " + " | ".join(cells) + " |"
    yield ""


def _value(root: dict[str, Any], schema: dict[str, Any]) -> str:
    kinds = list(choices(schema, root))
    if any(kind.get("type") == "object" and "propertyNames" in kind for kind in kinds):
        return "a mapping by name"
    return wanted(schema, root).replace(NAME_WORDS, "see above")


def _class(path: tuple[str, ...]) -> str:
    if path[0] in ("include", "defaults"):
        return "as what it sets"
    return class_of(path).replace("_", " ")


def _notes(schema: dict[str, Any]) -> str:
    examples = ", ".join(_code(example) for example in schema.get("examples", ()))
    return f"{schema['description']}" + (f" Examples: {examples}." if examples else "")


def _code(value: object) -> str:
    if value is None:
        return ""
    words = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return f"`{words}`"


if __name__ == "__main__":
    sys.stdout.write(text())
