"""What every verb has: `-o`, `--fleet`, and errors as JSON where JSON was asked for."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

import click

from tmaxd.ctl.console import Console
from tmaxd.ctl.errors import CtlError

P = ParamSpec("P")


def _span(_: click.Context, __: click.Parameter, value: str) -> float:
    """A duration as the spec writes it, in seconds."""
    # Imported late: the spec's model needs msgspec, which `status` must not wait for.
    from tmaxd.spec.values import parse_duration

    try:
        return float(parse_duration(value))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is not a duration: write 30s, 500ms or 1m30s"
        ) from None


def verb(function: Callable[Concatenate[Console, P], None]) -> Callable[P, None]:
    """Adds the common options; the function gets a Console in their place."""

    @click.option(
        "-o",
        "--output",
        type=click.Choice(["table", "json"]),
        default="table",
        help="How to print the answer.",
    )
    @click.option("--fleet", metavar="NAME", help="The fleet; else TMAX_FLEET, else the only one.")
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


def wait_option(default: str, help_text: str) -> Callable[[Callable[P, None]], Callable[P, None]]:
    return click.option(
        "--wait", callback=_span, default=default, show_default=True, metavar="DUR", help=help_text
    )
