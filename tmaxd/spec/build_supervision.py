"""How a group's workers are kept, from the words of the file to the types of the model; and the hooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import UNSET

from tmaxd.spec.file_hooks import HookKeys
from tmaxd.spec.file_model import GroupKeys, PartFile
from tmaxd.spec.merge import conditions, given
from tmaxd.spec.model import Hook
from tmaxd.spec.supervision import (
    After,
    Health,
    Pool,
    Ready,
    Restart,
    RestartBackoff,
    RestartLimit,
    Rollout,
    Stop,
)
from tmaxd.spec.units import Duration

NEVER = Duration("inf")

HOST = "127.0.0.1"
"""Of a probe that names a port alone."""


def kept(settings: Mapping[str, Any], keys: GroupKeys) -> dict[str, Any]:
    """Of all `settings` of a group, those of how its workers are kept. What is not said is not in the result."""
    out: dict[str, Any] = {}
    if "stop" in settings:
        out["stop"] = Stop(**_stop(given(settings["stop"])))
    if "restart" in settings:
        out["restart"] = _restart(given(settings["restart"]))
    if "ready" in settings:
        out["ready"] = Ready(**_probe(given(settings["ready"])))
    if "health" in settings:
        out["health"] = Health(**_probe(given(settings["health"])))
    if "rollout" in settings:
        out["rollout"] = Rollout(**plain(given(settings["rollout"])))
    if "pool" in settings:
        out["pool"] = Pool(**plain(given(settings["pool"])))
    if keys.after is not UNSET and (after := conditions(keys)):
        ordered = sorted(after, key=lambda item: item[1])
        out["after"] = tuple(After(group=group, condition=c) for _, group, c in ordered)
    return out


def hooks(files: Iterable[PartFile]) -> dict[str, tuple[Hook, ...]]:
    """By event, in the order of the files."""
    found: dict[str, tuple[Hook, ...]] = {}
    for file in files:
        for event, value in (file.on or {}).items():
            found[event] = found.get(event, ()) + _hooks(value)
    return found


def _hooks(value: HookKeys | tuple[str | HookKeys | tuple[str, ...], ...]) -> tuple[Hook, ...]:
    if isinstance(value, HookKeys):
        return (_hook(value),)
    words = tuple(item for item in value if isinstance(item, str))
    if words:
        return (Hook(argv=words),)
    return tuple(_hook(item) for item in value if not isinstance(item, str))


def _hook(item: HookKeys | tuple[str, ...]) -> Hook:
    if isinstance(item, tuple):
        return Hook(argv=item)
    said = plain(given(item))
    return Hook(argv=said.pop("run"), **said)


def plain(said: Mapping[str, Any]) -> dict[str, Any]:
    """With the durations of the model; None is for ever."""
    return {k: _span(v) if isinstance(v, Duration) else v for k, v in said.items()}


def _span(value: Duration) -> Duration | None:
    return None if value == NEVER else Duration(value)


def _stop(said: Mapping[str, Any]) -> dict[str, Any]:
    out = plain(said)
    if isinstance(out.get("keys"), str):
        out["keys"] = (out["keys"],)
    return out


def _restart(said: Mapping[str, Any]) -> Restart:
    out = dict(said)
    if "backoff" in out:
        out["backoff"] = RestartBackoff(**plain(given(out["backoff"])))
    limit = plain(given(out.pop("limit", None)))
    if "crashes" in limit:
        out["limit"] = RestartLimit(**limit)
    return Restart(**out)


def _probe(said: Mapping[str, Any]) -> dict[str, Any]:
    out = plain(said)
    if "tcp" in out and str(out["tcp"]).isdecimal():
        out["tcp"] = f"{HOST}:{out['tcp']}"
    return out
