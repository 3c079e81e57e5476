"""What verbs share: `-o`, `--fleet`, errors as JSON where JSON was asked for; durations and task states as values."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec

import click

from tmaxd.ctl import complete
from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError
from tmaxd.ctl.text import clean

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

P = ParamSpec("P")

WAITING = ("queued", "delayed")
HELD = ("sent", "running")
OVER = ("done", "dead", "cancelled")
STATES = (*WAITING, *HELD, *OVER)
"""As `tmaxd.tasks.records.State`, which is not imported: msgspec costs 24 ms."""


def fleet_option(function: Callable[P, None]) -> Callable[P, None]:
    return click.option(
        "--fleet",
        metavar="NAME",
        shell_complete=complete.fleets,
        help="The fleet; else TMAX_FLEET, else the only one.",
    )(function)


def duration(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """A click callback: a duration as the spec writes it, in seconds."""
    if value is None:
        return None
    # Imported late: the spec's model needs msgspec, which `status` must not wait for.
    from tmaxd.spec.values import parse_duration

    try:
        return float(parse_duration(value))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a duration: write 30s, 500ms or 1m30s"
        ) from None


def state_option(
    help_text: str, allowed: tuple[str, ...] = STATES
) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """`--state queued,delayed`, also given several times; the function gets a tuple of states."""

    def read(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> tuple[str, ...]:
        words = [word for text in texts for word in text.split(",")]
        for word in words:
            if word not in allowed:
                raise click.BadParameter(f"`{clean(word)}`: choose of {', '.join(allowed)}")
        return tuple(dict.fromkeys(words))

    def finish(_: click.Context, __: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from click.shell_completion import CompletionItem

        before, comma, last = incomplete.rpartition(",")
        found = [state for state in allowed if state.startswith(last)]
        return [CompletionItem(f"{before}{comma}{state}") for state in found]

    return click.option(
        "--state",
        "states",
        multiple=True,
        callback=read,
        shell_complete=finish,
        metavar="STATE,…",
        help=f"{help_text}: {', '.join(allowed)}.",
    )


def verb(function: Callable[Concatenate[Console, P], None]) -> Callable[P, None]:
    """Adds the common options; the function gets a Console in their place."""

    @click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        help="How to print the answer.",
    )
    @fleet_option
    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        output = kwargs.pop("output")
        given = kwargs.pop("fleet")
        outer = click.get_current_context().find_root().params.get("fleet")
        console = Console(as_json=output == "json", fleet=str(given or outer or "") or None)
        try:
            function(console, *args, **kwargs)
        except CtlError as error:
            if console.as_json:
                console.json(error.as_json())
            raise

    return wrapped


def timeout_option(help_text: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """`--timeout 10m`; the function gets seconds, or None."""
    return click.option("--timeout", callback=duration, metavar="DUR", help=help_text)


def wait_option(default: str, help_text: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    return click.option(
        "--wait",
        callback=duration,
        default=default,
        show_default=True,
        metavar="DUR",
        help=help_text,
    )
