"""Durations, sizes and names as they are written in the file: their patterns, and text to number.

The patterns are the whole definition: what matches has a value, so the JSON Schema (which can only
say patterns) and the loader cannot disagree.
"""

from __future__ import annotations

import re

from tmaxd.spec.model import NAME_PATTERN
from tmaxd.spec.units import Duration, Size

END = r"$(?!\n)"
"""Python's `$` also matches before a last newline. The published schema says `$`, which in ECMA 262
(what JSON Schema patterns are) means this."""

NAME = NAME_PATTERN.removesuffix("$") + END

ENV_NAME = r"^(?!TMAX_)[A-Za-z_][A-Za-z0-9_]*" + END
"""POSIX environment variable names (XBD 8.1), lower case too; `TMAX_…` is what tmaxd itself sets."""

MAX_NAMESPACE = 100
"""Characters."""
_PART = "[a-z][a-z0-9]*(?:-[a-z0-9]+)*"
NAMESPACE = rf"^(?:\*|{_PART}(?:/{_PART})*)" + END
"""Of the memory store: names with `/` between them, or `*`, which is every other one."""
READ_ONLY = "worker"
"""The namespace, with all below it, that shows the fleet's workers."""

# Six digits a unit keep every sum below the year 10000, where datetime ends.
DURATION = (
    r"^(?=[0-9])([0-9]{1,6}d)?([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?" + END
)
POSITIVE = DURATION.replace("(?=[0-9])", "(?=[0-9])(?=.*[1-9])")
LEASE = f"^(?:never|{POSITIVE.removeprefix('^').removesuffix(END)}){END}"
DEADLINE = f"^(?:never|{DURATION.removeprefix('^').removesuffix(END)}){END}"
PERCENT = r"^(?:100|[1-9]?[0-9])%" + END
SIZE = r"^[0-9]{1,9}(KiB|MiB|GiB|KB|MB|GB)?" + END

MAX_PLAIN_SIZE = 999_999_999
"""A size written as a bare number; the same nine digits as before a unit."""

_MILLISECONDS = {"d": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
_BYTES = {
    None: 1,
    "KiB": 1 << 10,
    "MiB": 1 << 20,
    "GiB": 1 << 30,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
}


class Positive(Duration):
    """A duration above zero."""


class Lease(Positive):
    """A duration above zero, or `never`, which is infinity."""


class Deadline(Duration):
    """A duration, or `never`, which is infinity."""


def parse_duration(text: str) -> Duration:
    """`1m30s` → 90.0 seconds. Raises ValueError."""
    if re.search(DURATION, text) is None:
        raise ValueError(f"not a duration: {text!r}")
    parts = re.findall(r"([0-9]+)(ms|[dhms])", text)
    return Duration(sum(int(number) * _MILLISECONDS[unit] for number, unit in parts) / 1000)


def parse_size(value: str | int) -> Size:
    """`64KiB` or `65536` → 65536 bytes. Raises ValueError."""
    found = re.search(SIZE, str(value))
    if found is None:
        raise ValueError(f"not a size: {value!r}")
    unit = found.group(1)
    return Size(int(found.group(0).removesuffix(unit or "")) * _BYTES[unit])


def show_size(size: int) -> str:
    """The shortest exact way to write a size: 262144 → `256KiB`."""
    for unit in ("GiB", "MiB", "KiB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return str(size)


def decode(kind: type, value: object) -> object:
    """msgspec's `dec_hook` for the file format."""
    if value == "never" and kind in (Lease, Deadline):
        return kind("inf")
    if issubclass(kind, Duration) and isinstance(value, str):
        if issubclass(kind, Positive) and not re.search(POSITIVE, value):
            raise ValueError(f"not a duration above zero: {value!r}")
        return kind(parse_duration(value))
    if kind is Size and isinstance(value, str | int) and not isinstance(value, bool):
        return parse_size(value)
    raise ValueError(f"not a {kind.__name__.lower()}: {value!r}")
