"""Where the shipped runner stands, for the daemon that starts it."""

from __future__ import annotations

from pathlib import Path


def runner_path() -> Path:
    """The bash program that runs the tasks of a `task:` group: `bash RUNNER ARGV…`."""
    return Path(__file__).with_name("runner.bash")
