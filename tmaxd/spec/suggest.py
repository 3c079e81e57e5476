"""The legal spelling closest to what was written, where one can be guessed; None where not."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from tmaxd.spec.model import MAX_NAME, NAME_PATTERN
from tmaxd.spec.values import DEADLINE, DURATION, LEASE, NAME, PERCENT, POSITIVE, SIZE
from tmaxd.spec.wording import choices

_SYNONYMS = {
    "args": "run",
    "feature_flags": "flags",
    "features": "flags",
    "max_lifetime": "max_age",
    "max_memory": "memory",
    "max_memory_restart": "memory",
    "max_requests": "max_tasks",
    "mem_limit": "memory",
    "memory_limit": "memory",
    "memoryhigh": "high",
    "memorymax": "max",
    "runtimemaxsec": "max_age",
    "timezone": "zone",
    "tz": "zone",
    "schedule": "cron",
    "interval": "every",
    "older_than": "ttl",
    "retention": "ttl",
    "autorestart": "restart",
    "depends_on": "after",
    "healthcheck": "health",
    "livenessprobe": "health",
    "liveness_probe": "health",
    "readinessprobe": "ready",
    "readiness_probe": "ready",
    "requires": "after",
    "restart_policy": "restart",
    "stopsignal": "stop",
    "stop_signal": "stop",
    "strategy": "rollout",
    "update_config": "rollout",
    "wants": "after",
    "events": "on",
    "hooks": "on",
    "cmd": "run",
    "command": "run",
    "directory": "cwd",
    "environment": "env",
    "exec": "run",
    "instances": "count",
    "numprocs": "count",
    "replicas": "count",
    "heartbeat_timeout": "lease",
    "maxsize": "max_queue",
    "queue_size": "max_queue",
    "retries": "retry",
    "ttl": "expire",
    "working_directory": "cwd",
}
"""How other supervisors call our keys, where spelling alone would not lead there."""

_FOR_EVER = ("none", "off", "no", "forever", "infinity", "infinite", "inf", "unlimited")

_BOOLEANS = {"yes": "true", "on": "true", "no": "false", "off": "false"}

_UNITS = {
    r"milliseconds?|millis": "ms",
    r"seconds?|secs?": "s",
    r"minutes?|mins?": "m",
    r"hours?|hrs?": "h",
    r"days?": "d",
}
_BINARY = {"k": "KiB", "m": "MiB", "g": "GiB", "kib": "KiB", "mib": "MiB", "gib": "GiB"}
_DECIMAL = {"kb": "KB", "mb": "MB", "gb": "GB"}


def closest(word: str, known: Iterable[str]) -> str | None:
    """By spelling, without regard to case, `-` for `_`, or how other supervisors name it."""
    names = sorted(known)
    plain = word.lower().replace("-", "_")
    if plain in _SYNONYMS and _SYNONYMS[plain] in names:
        return _SYNONYMS[plain]
    by_plain = {name.lower().replace("-", "_"): name for name in names}
    near = get_close_matches(plain[:80], by_plain, 1)
    return by_plain[near[0]] if near else None


def suggest_name(word: str, what: str) -> str | None:
    """A legal name that keeps as much as may be of what was written."""
    if what == "variable":
        name = re.sub(r"[^A-Za-z0-9_]+", "_", word)
        return f"_{name}" if name[:1].isdigit() else name if name.strip("_") else None
    if what == "namespace" and "/" in word:
        names = [suggest_name(part, what) for part in word.split("/") if part]
        return "/".join(name for name in names if name) or None
    name = re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", word).lower()
    name = re.sub(r"[^a-z0-9]+", "-", name).lstrip("-0123456789")[:MAX_NAME].strip("-")
    return name if re.fullmatch(NAME_PATTERN, name) else None


def suggest(value: object, schema: dict[str, Any], root: dict[str, Any]) -> str | None:
    for choice in choices(schema, root):
        guess = _inside(value, choice, root) or _suggest(value, choice)
        if guess is not None:
            return guess
    return None


def _inside(value: object, schema: dict[str, Any], root: dict[str, Any]) -> str | None:
    """`restart: always` → `{policy: always}`: a word that means something to one of the keys."""
    if not isinstance(value, str):
        return None
    for key, inner in schema.get("properties", {}).items():
        for choice in choices(inner, root):
            if value in choice.get("enum", ()):
                return f"{{{key}: {value}}}"
            if value == key and choice.get("type") == "boolean":
                return f"{{{key}: true}}"
    return None


def _suggest(value: object, schema: dict[str, Any]) -> str | None:
    if "enum" in schema:
        return closest(str(value), map(str, schema["enum"])) if isinstance(value, str) else None
    pattern = schema.get("pattern")
    if pattern in (LEASE, DEADLINE) and (value is False or str(value).lower() in _FOR_EVER):
        return "never"
    if pattern in (DURATION, POSITIVE, LEASE, DEADLINE):
        return _duration(value, pattern)
    if pattern == SIZE:
        return _size(value)
    if pattern == NAME:
        return suggest_name(str(value), "group")
    if pattern == PERCENT:
        return _percent(value)
    if schema.get("type") == "boolean":
        return _BOOLEANS.get(str(value).lower())
    if schema.get("type") == "array":
        return _list(value, schema["items"])
    if schema.get("type") == "string" and isinstance(value, dict):
        return _braces(value)
    return None


def _duration(value: object, pattern: str) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str):
        return None
    text = re.sub(r"[\s_]", "", str(value)).lower()
    for names, unit in _UNITS.items():
        text = re.sub(rf"(?<=[0-9])(?:{names})(?![a-z])", unit, text)
    text = text + "s" if text.isdigit() else text
    return text if re.search(pattern, text) else None


def _size(value: object) -> str | None:
    parts = re.fullmatch(r"([0-9]{1,9})\s*([a-z]+)", str(value).lower())
    unit = (_BINARY | _DECIMAL).get(parts[2]) if parts else None
    return f"{parts[1]}{unit}" if parts and unit else None


def _percent(value: object) -> str | None:
    """`25 %` → `25%`."""
    text = re.sub(r"\s", "", str(value))
    return text if re.search(PERCENT, text) else None


def _list(value: object, items: dict[str, Any]) -> str | None:
    if type(value) is int and "anyOf" in items:
        return f"[{value}]"
    return None if "$ref" in items else _words(value)


def _words(value: object) -> str | None:
    """`bash -l` → `[bash, -l]`."""
    if not isinstance(value, str) or not value.strip() or len(value) > 200:
        return None
    try:
        words = shlex.split(value)
    except ValueError:
        return None
    plain = re.compile(r"[A-Za-z0-9_./=+-]+")
    return "[" + ", ".join(w if plain.fullmatch(w) else _quoted(w) for w in words) + "]"


def _braces(value: dict[object, object]) -> str | None:
    """`{payload}` without quotes is a mapping with one empty key."""
    names = list(value)
    return _quoted(f"{{{names[0]}}}") if len(names) == 1 and value[names[0]] is None else None


def _quoted(word: str) -> str:
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
