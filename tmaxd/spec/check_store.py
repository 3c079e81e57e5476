"""What is said of the memory store: limits within which it works."""

from __future__ import annotations

from typing import Final

from tmaxd.spec.merge import given
from tmaxd.spec.settings import Settings
from tmaxd.spec.tree import Path
from tmaxd.spec.values import READ_ONLY, show_size

MIN_SIZE: Final = 4096
MAX_VALUE: Final = 64 * 1024 * 1024
"""Bytes. A value is held whole in memory while it is written or read."""


def check_store(settings: Settings) -> None:
    """Findings go to its `report`."""
    said = settings.said("store")
    size = said.get("max_value", MIN_SIZE)
    if not MIN_SIZE <= size <= MAX_VALUE:
        message = f"{show_size(size)} is outside what a value may be, 4KiB to 64MiB"
        settings.report(("store", "max_value"), message)
    for name, keys in said.get("namespaces", {}).items():
        if name.partition("/")[0] == READ_ONLY:
            message = "shows the workers of the fleet, and nothing is stored there"
            settings.report(("store", "namespaces", name), message)
        size = given(keys).get("max_size", MIN_SIZE)
        if size < MIN_SIZE:
            path: Path = ("store", "namespaces", name, "max_size")
            settings.report(path, f"{show_size(size)} is less than 4KiB, the least there is")
