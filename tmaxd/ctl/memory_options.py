"""What the verbs of `tmaxctl memory` share: the namespace, the time to live, how many to show."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec

import click

from tmaxd.ctl import complete
from tmaxd.ctl.options import duration

P = ParamSpec("P")

SHOWN = 100
"""Entries where nobody says how many."""


def namespace_option(function: Callable[P, None]) -> Callable[P, None]:
    return click.option(
        "-n",
        "--namespace",
        "ns",
        default="default",
        show_default=True,
        metavar="NAME",
        shell_complete=complete.namespaces,
        help="The namespace.",
    )(function)


def ttl_option(function: Callable[P, None]) -> Callable[P, None]:
    return click.option(
        "--ttl",
        callback=duration,
        metavar="DUR",
        help="How long it lives; else as its namespace has it.",
    )(function)


def limit_option(function: Callable[P, None]) -> Callable[P, None]:
    return click.option(
        "--limit",
        type=click.IntRange(0),
        default=SHOWN,
        show_default=True,
        metavar="N",
        help="At most N entries; 0: all.",
    )(function)
