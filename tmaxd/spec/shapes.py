"""What stands where in a file, as far as reading it goes: what a scalar there becomes, and where keys are fixed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from tmaxd.spec.flags import FLAGS

Leaf: TypeAlias = Literal["value", "number", "text", "path", "glob"]
"""`number`: a value that may also be a fraction. `glob`: a path whose last `/` means something."""


class Keys(msgspec.Struct, frozen=True):
    """A mapping of fixed keys; `x-…` keys in it are ignored."""

    keys: Mapping[str, Shape]


class Names(msgspec.Struct, frozen=True):
    """A mapping whose keys the user chooses."""

    each: Shape


class Many(msgspec.Struct, frozen=True):
    """A list of mappings. A list of leaves has the shape of one."""

    each: Shape


class Mixed(msgspec.Struct, frozen=True):
    """A leaf or a mapping of fixed keys, or a list of these."""

    leaf: Leaf
    keys: Keys


Shape: TypeAlias = Leaf | Keys | Names | Many | Mixed

_PROBE: dict[str, Shape] = {
    "exec": "text",
    **dict.fromkeys(("tcp", "http", "output", "every", "timeout"), "value"),
}
_POOL: dict[str, Shape] = {"size": "value", "max_age": "value"}

_THRESHOLDS: dict[str, Shape] = dict.fromkeys(("warn", "recycle", "kill", "for"), "value")

_WORKER: dict[str, Shape] = {
    "env": Names("text"),
    "env_file": "path",
    "cwd": "path",
    "stop": Keys({"signal": "value", "keys": "text", "after": "value", "drain": "value"}),
    "restart": Keys(
        {
            **dict.fromkeys(("policy", "success", "failure", "permanent"), "value"),
            "backoff": Keys(
                {
                    **dict.fromkeys(("first", "max", "reset_after"), "value"),
                    **dict.fromkeys(("factor", "jitter"), "number"),
                }
            ),
            "limit": Keys(dict.fromkeys(("crashes", "within", "then", "every"), "value")),
        }
    ),
    "ready": Keys(
        {**_PROBE, "output": "text", **dict.fromkeys(("alive", "frame", "within"), "value")}
    ),
    "health": Keys(
        {
            **_PROBE,
            **dict.fromkeys(("heartbeat", "failures", "successes", "delay", "then"), "value"),
        }
    ),
    "rollout": Keys(
        dict.fromkeys(
            (
                *("max_unavailable", "surge", "canary", "canary_for", "healthy_for", "pause"),
                "rollback",
            ),
            "value",
        )
    ),
    "pool": Keys(_POOL),
    "timeout": "value",
    "retry": Keys(
        {"attempts": "value", "backoff": Keys({"first": "value", "max": "value"})},
    ),
    "window": "value",
    "balance": "value",
    "max_queue": "value",
    "expire": "value",
    "lease": "value",
    "layout": "value",
    "memory": Keys(
        {
            **_THRESHOLDS,
            **dict.fromkeys(("deadline", "high", "max"), "value"),
            "total": Keys(_THRESHOLDS),
        }
    ),
    "max_tasks": "value",
    "max_age": Keys({"after": "value", "jitter": "number"}),
}
_GROUP: dict[str, Shape] = {
    **_WORKER,
    "count": "value",
    "after": Names("value"),
    "run": "text",
    "serve": "text",
    "task": "text",
}
_MEMORY: dict[str, Shape] = {
    "sample": "value",
    "worker": Keys({**_THRESHOLDS, **dict.fromkeys(("deadline", "high", "max"), "value")}),
    "fleet": Keys({**_THRESHOLDS, "hold": "value"}),
    "keep_free": "value",
}
_CLEANUP: dict[str, Shape] = {
    **dict.fromkeys(("what", "ttl", "every", "cron", "zone", "jitter"), "value"),
    **dict.fromkeys(("groups", "namespaces", "max_size", "compress", "apply"), "value"),
    "files": "glob",
    "roots": "path",
}
_NAMESPACE: dict[str, Shape] = dict.fromkeys(("max_keys", "max_size", "ttl"), "value")
_ROUTE = ("from", "to", "when", "payload", "max_hops")
FILE: Final = Keys(
    {
        "version": "value",
        "fleet": "value",
        "include": "path",
        "defaults": Keys(_WORKER),
        "workers": Names(Keys(_GROUP)),
        "pipes": Keys(
            {
                "layout": "value",
                "capacity": "value",
                "inboxes": Names(Keys({"to": "value"})),
                "outboxes": Names(Keys({"from": "value"})),
                "routes": Many(Keys(dict.fromkeys(_ROUTE, "value"))),
            }
        ),
        "pool": Keys({**_POOL, "groups": "value"}),
        "memory": Keys(_MEMORY),
        "cleanup": Many(Keys(_CLEANUP)),
        "store": Keys({"max_value": "value", "namespaces": Names(Keys(_NAMESPACE))}),
        "flags": Keys(dict.fromkeys(FLAGS, "value")),
        "on": Names(Mixed("text", Keys({"run": "text", "timeout": "value"}))),
    }
)
"""What stands where; a test holds it equal to the schema."""
