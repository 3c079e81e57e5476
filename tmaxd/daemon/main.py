"""`tmaxd SPEC`: run one fleet's daemon in the foreground."""

from __future__ import annotations

import gc
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tmaxd import __version__
from tmaxd.nested import is_inside, outside

if TYPE_CHECKING:
    from argparse import ArgumentParser


def main(argv: list[str] | None = None) -> int:
    if argv is None and is_inside(os.environ):
        # What a process was started with can only be changed by executing it anew; pid and terminal stay.
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], outside(os.environ))  # noqa: S606  # no shell is meant
    given = sys.argv[1:] if argv is None else argv
    plain = len(given) == 1 and not given[0].startswith("-")
    # argparse takes 10 ms to import, which the usual call need not wait for.
    spec, log = (given[0], "auto") if plain else _parsed(given)
    umask = os.umask(0o077)
    # Hardly anything that is made until the workers run is garbage; `compose` has it collected again after that.
    gc.disable()
    import asyncio

    from tmaxd.daemon.compose import run_daemon

    human = None if log == "auto" else log == "text"
    return asyncio.run(run_daemon(Path(spec).absolute(), human, umask))


def _parsed(argv: list[str]) -> tuple[str, str]:
    """(spec, log); exits with status 2 where the call is wrong."""
    args = make_parser().parse_args(argv)
    return args.spec, args.log


def make_parser() -> ArgumentParser:
    """What `tmaxd` takes; its manual page is made of this, too."""
    from argparse import ArgumentParser

    parser = ArgumentParser(
        prog="tmaxd",
        description="Keep the fleet that SPEC declares converged, in the foreground. Workers live on when "
        "the daemon ends; `tmaxctl down` ends them.",
    )
    parser.add_argument("spec", metavar="SPEC", help="the spec file, such as tmax.yaml")
    parser.add_argument(
        "--log",
        choices=("auto", "text", "json"),
        default="auto",
        help="how to write the log on standard error (default: text on a terminal, else json)",
    )
    parser.add_argument("--version", action="version", version=f"tmaxd {__version__}")
    return parser


if __name__ == "__main__":
    sys.exit(main())
