"""`tmaxd SPEC`: run one fleet's daemon in the foreground."""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import sys
from pathlib import Path

from tmaxd import __version__


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
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
    args = parser.parse_args(argv)
    umask = os.umask(0o077)
    # Hardly anything that is made until the workers run is garbage; `compose` has it collected again after that.
    gc.disable()
    from tmaxd.daemon.compose import run_daemon

    human = None if args.log == "auto" else args.log == "text"
    return asyncio.run(run_daemon(Path(args.spec).absolute(), human, umask))


if __name__ == "__main__":
    sys.exit(main())
