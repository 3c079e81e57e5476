"""How the shipped runner is started, for the daemon that starts it."""

from __future__ import annotations

import sys
from pathlib import Path


def runner_argv() -> tuple[str, ...]:
    """The program that runs the tasks of a `task:` group; the command follows."""
    return (sys.executable, "-I", "-S", str(Path(__file__).with_name("runner_start.py")))
