"""The spec file as tmaxctl reads it, without a daemon. Imported only where a file is read: it brings
msgspec and PyYAML with it."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from tmaxd.ctl.surroundings import surroundings
from tmaxd.daemon.api.types import report
from tmaxd.spec.compose import compose
from tmaxd.spec.expand import TooLong, expand
from tmaxd.spec.load import Loaded, Rejected, load
from tmaxd.spec.model import MAX_NAME
from tmaxd.spec.problems import Problem
from tmaxd.spec.source import Broken, open_source
from tmaxd.spec.tree import Scalar, Table
from tmaxd.world.env_files import EnvFiles
from tmaxd.world.files import read_for_spec


def check(path: Path) -> Loaded | Rejected:
    """As the daemon would load it now, from here: same rules, same environment variables."""
    home = os.environ.get("HOME") or "/"
    return load(path, read_for_spec, _variables(), home, EnvFiles(None))


def _variables() -> dict[str, str]:
    """What `${NAME}` may stand for. TMAX_PYTHON is the daemon's own Python, which is the one that runs this."""
    return {"TMAX_PYTHON": sys.executable} | surroundings()


def reports(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    """Problems in the shape in which the API gives them."""
    found: list[dict[str, Any]] = msgspec.to_builtins([report(p) for p in problems])
    return found


def fleet_named_in(path: Path) -> str | None:
    """The fleet's name, also in a file that is wrong elsewhere; None when it has none that can be read."""
    try:
        root = compose(open_source(str(path), path, read_for_spec(path)), lambda _: None)
    except (OSError, Broken):
        return None
    entry = root.entries.get("fleet") if isinstance(root, Table) else None
    if entry is None or not isinstance(entry.node, Scalar):
        return None
    try:
        name, troubles = expand(entry.node.text, _variables(), MAX_NAME)
    except TooLong:
        return None
    return None if troubles else name


__all__ = ["Loaded", "Rejected", "check", "fleet_named_in", "reports"]
