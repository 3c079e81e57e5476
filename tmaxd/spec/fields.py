"""When a changed field takes effect: one table, which a test holds complete against the schema.

* `live`: at once, in the running worker or beside it;
* `next_start`: when a worker is next started for another reason;
* `when_idle`: each worker is replaced once it has finished what it does;
* `refused`: only with a new fleet.
"""

from __future__ import annotations

from typing import Final, Literal

FieldClass = Literal["live", "next_start", "when_idle", "refused"]

CLASSES: Final[dict[str, FieldClass]] = {
    "version": "refused",
    "fleet": "refused",
    "workers": "live",
    "workers.*": "live",
    "workers.*.count": "live",
    "workers.*.run": "when_idle",
    "workers.*.serve": "when_idle",
    "workers.*.task": "when_idle",
    "workers.*.env": "when_idle",
    "workers.*.env_file": "when_idle",
    "workers.*.cwd": "when_idle",
    "workers.*.stop": "live",
    "workers.*.restart": "live",
    "workers.*.ready": "live",
    "workers.*.health": "live",
    "workers.*.after": "live",
    "workers.*.rollout": "live",
    "workers.*.pool": "live",
    "workers.*.timeout": "live",
    "workers.*.retry": "live",
    "workers.*.window": "next_start",
    "workers.*.balance": "live",
    "workers.*.max_queue": "live",
    "workers.*.expire": "live",
    "workers.*.lease": "live",
    "workers.*.layout": "when_idle",
    "workers.*.memory": "live",
    "workers.*.max_tasks": "live",
    "workers.*.max_age": "live",
    "pipes": "live",
    "pipes.layout": "when_idle",
    "pipes.capacity": "live",
    "pipes.inboxes": "live",
    "pipes.outboxes": "live",
    "pipes.routes": "live",
    "pool": "live",
    "memory": "live",
    "cleanup": "live",
    "store": "live",
    "flags": "live",
    "on": "live",
}
"""Key patterns; `*` is any one part. What lies below a key has its class unless it is listed itself.
`include` and `defaults` have none: they are worked into the groups before anything is compared."""

_ONLY_WHOLE = ("workers", "workers.*", "pipes")
"""Classed as something that comes or goes; each key in them needs a class of its own."""


def class_of(path: tuple[str, ...]) -> FieldClass:
    """The class of a key such as ("workers", "check", "env", "LANG"). Raises KeyError for one that the
    table does not know."""
    for length in range(len(path), 0, -1):
        for pattern, field_class in CLASSES.items():
            parts = pattern.split(".")
            if length < len(path) and pattern in _ONLY_WHOLE:
                continue
            if len(parts) == length and all(
                p in ("*", given) for p, given in zip(parts, path, strict=False)
            ):
                return field_class
    raise KeyError(".".join(path))
