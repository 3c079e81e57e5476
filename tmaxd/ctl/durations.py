"""Values of the spec as the file would have them: lengths of time as durations, all else as JSON. Pure."""

from __future__ import annotations

import json

NO_DURATIONS = frozenset({"factor", "jitter"})
"""Keys with a number that is not whole and no length of time; all others with one are durations."""

UNITS = ((3600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms"))


def written(key: str, value: object) -> str:
    """`key`: the value's key, with dots."""
    found = _durations(key.rpartition(".")[2], value)
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def duration(seconds: float) -> str:
    """Exact to the millisecond: `10s`, `1m30s`, `500ms`."""
    left = round(seconds * 1000)
    words = ""
    for size, unit in UNITS:
        if left >= size:
            words += f"{left // size}{unit}"
            left %= size
    return words or "0s"


def _durations(key: str, value: object) -> object:
    if isinstance(value, float) and key not in NO_DURATIONS and 0 <= value < float("inf"):
        return duration(value)
    if isinstance(value, dict):
        return {name: _durations(str(name), inner) for name, inner in value.items()}
    return value
