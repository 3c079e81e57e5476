"""Commands as hints: what a user may type next, with `--fleet` where it would go to another fleet without."""

from __future__ import annotations

from collections.abc import Callable

import click

from tmaxd.ctl import fleet

Hint = Callable[[str], str]
"""The rest of a command to the whole of it: `status` → `tmaxctl status --fleet demo`."""


def plainly(words: str) -> str:
    return f"tmaxctl {words}"


def hints_for(name: str) -> Hint:
    """For commands about this fleet. Looks which fleet would be meant without saying so only when it is used."""

    def hint(words: str) -> str:
        return plainly(words) + (f" --fleet {name}" if must_be_named(name) else "")

    return hint


def must_be_named(name: str) -> bool:
    """Without `--fleet` a command would be about another fleet, or about none."""
    try:
        return fleet.choose(None) != name
    except (click.ClickException, OSError):
        return True
