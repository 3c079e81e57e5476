"""What a new spec changes, key by key, in the words of the file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import UNSET

from tmaxd.spec.fields import FieldClass, class_of
from tmaxd.spec.model import Group, Spec
from tmaxd.spec.resolved import encode
from tmaxd.spec.upkeep import Cleanup

_NEVER = (("stop", "drain"), ("ready", "within"), ("pool", "max_age"), ("memory", "deadline"))
"""Where None is a time that never comes. Elsewhere it is what has not been said."""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One key. UNSET (in JSON: no such field) is a value that is not there."""

    key: str
    old: Any = UNSET
    new: Any = UNSET
    field_class: FieldClass


def diff(old: Spec, new: Spec) -> tuple[Change, ...]:
    """Ordered by key; empty when the two mean the same. A group or inbox that comes or goes is one
    change, and so is each single setting or variable of one that stays."""
    return tuple(_compare((), _words(old), _words(new)))


def _compare(path: tuple[str, ...], old: Any, new: Any) -> Iterator[Change]:  # noqa: ANN401
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            yield from _compare((*path, key), old.get(key, UNSET), new.get(key, UNSET))
    elif old != new:
        yield Change(key=".".join(path), old=old, new=new, field_class=class_of(path))


def _words(spec: Spec) -> dict[str, Any]:
    """Builtins under the keys of the file."""
    pipes: dict[str, Any] = msgspec.to_builtins(spec.pipes, enc_hook=encode)
    for item in (*pipes["inboxes"].values(), *pipes["outboxes"].values(), *pipes["routes"]):
        for key in item.keys() & {"from", "to"}:
            item[key] = item[key][0] if len(item[key]) == 1 else list(item[key])
    pipes["routes"] = [_given(route) for route in pipes["routes"]]
    return {
        "fleet": spec.fleet,
        "workers": {name: _group(group) for name, group in spec.workers.items()},
        "pipes": pipes,
        "on": {
            event: [{"run": list(hook.argv), "timeout": float(hook.timeout)} for hook in hooks]
            for event, hooks in spec.on.items()
        },
        "memory": _given(msgspec.to_builtins(spec.memory, enc_hook=encode)),
        "cleanup": [_cleanup(entry) for entry in spec.cleanup],
        "store": _store(spec),
        "flags": spec.flags,
    }


def _cleanup(entry: Cleanup) -> dict[str, Any]:
    """What it says, without what does not matter to it."""
    words: dict[str, Any] = msgspec.to_builtins(entry, enc_hook=encode)
    quiet = {key: value for key, value in words.items() if value not in (None, (), False, 0.0)}
    kept = {key: words[key] for key in ("ttl", "apply") if words[key] is not None}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in (quiet | kept).items()}


def _store(spec: Spec) -> dict[str, Any]:
    words: dict[str, Any] = msgspec.to_builtins(spec.store, enc_hook=encode)
    for limits in words["namespaces"].values():
        if limits["ttl"] is None:
            limits["ttl"] = "never"
    return words


def _group(group: Group) -> dict[str, Any]:
    words: dict[str, Any] = msgspec.to_builtins(group, enc_hook=encode)
    words[words.pop("kind")] = words.pop("argv")
    del words["layout_by"]  # is no key
    if words["ready"] and not words["ready"]["frame"]:
        del words["ready"]["frame"]  # is not asked, as the other questions that are None
    words["after"] = {item.group: item.condition for item in group.after}
    for holder, key in ((words, "lease"), *((words.get(k) or {}, key) for k, key in _NEVER)):
        if key in holder and holder[key] is None:
            holder[key] = "never"
    return _given(words)


def _given(words: dict[str, Any]) -> dict[str, Any]:
    said = ((k, _given(v) if isinstance(v, dict) else v) for k, v in words.items())
    return {key: value for key, value in said if value is not None}
