"""Values of the spec as the file would have them: lengths of time as durations, bytes as sizes, all else as JSON.
Pure."""

from __future__ import annotations

import json

NO_DURATIONS = frozenset({"factor", "jitter"})
"""Keys with a number that is not whole and no length of time; all others with one are durations. In a clean-up,
`jitter` is one, too."""

SIZES = frozenset(
    {
        *("capacity", "warn", "recycle", "kill", "high", "max", "hold", "keep_free"),
        *("max_size", "max_value"),
    }
)
"""Keys with a whole number that is one of bytes."""

BYTES = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))
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


def size(number: int) -> str:
    """Exact: `512MiB`, `4100`."""
    for step, unit in BYTES:
        if number and number % step == 0:
            return f"{number // step}{unit}"
    return str(number)


def _durations(key: str, value: object) -> object:
    if isinstance(value, float) and key not in NO_DURATIONS and 0 <= value < float("inf"):
        return duration(value)
    if isinstance(value, int) and key in SIZES:
        return size(value)
    if isinstance(value, dict):
        told = {str(name): _durations(str(name), inner) for name, inner in value.items()}
        if "what" in value and "jitter" in value:
            told["jitter"] = duration(value["jitter"])
        return told
    if isinstance(value, list | tuple):
        return [_durations(key, inner) for inner in value]
    return value
