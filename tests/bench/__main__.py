"""`python -m tests.bench [SUITE…]`: measure, and print a table.

Each suite takes tmaxd and what it is compared with in turns, in one run, and reports medians; ratios are made round by
round. Peers are measured when they are installed (`--with-peers`).
"""

from __future__ import annotations

import argparse
import sys
import traceback
from importlib import import_module
from pathlib import Path

import msgspec

from tests.bench import page
from tests.bench.figures import Figure, table
from tests.bench.peers import install, peers
from tests.bench.size import Size

SUITES = (
    "sessions",
    "start",
    "crash",
    "pool",
    "rollout",
    "edit",
    "settled",
    "status",
    "idle",
    "footprints",
    "tasks",
    "backlog",
    "shell",
    "dispatcher",
    "journal",
    "cleanup",
    "sdk",
    "store",
)
BROKEN = "broke off"


def main(argv: list[str] | None = None) -> int:
    args = _arguments(argv)
    size = Size(quick=args.quick, peers=install() if args.with_peers else peers())
    figures: list[Figure] = []
    for name in args.suites or SUITES:
        sys.stderr.write(f"{name} …\n")
        figures += _measured(name, size)
    sys.stdout.write(table(figures) + "\n")
    if args.json:
        args.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    if args.write:
        page.write(figures, args.note)
    return int(any(figure.met is False or figure.note.startswith(BROKEN) for figure in figures))


def _measured(name: str, size: Size) -> list[Figure]:
    """One suite that breaks must not cost the figures of the others."""
    found: list[Figure] = []
    try:
        found.extend(import_module(f"tests.bench.{name}").run(size))
    except Exception as error:  # noqa: BLE001  # whatever it is, it is shown, and the exit status says so
        traceback.print_exc()
        note = f"{BROKEN}: {type(error).__name__}: {error}".splitlines()[0]
        found.append(Figure(suite=name, what="the suite", unit="", samples=(), note=note))
    return found


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench",
        description="Measure tmaxd against its budgets and its peers. The exit status is 1 when a "
        "target was missed or something could not be measured.",
    )
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=f"of: {', '.join(SUITES)}")
    parser.add_argument("--quick", action="store_true", help="one round, to see that it works")
    parser.add_argument("--with-peers", action="store_true", help="install the peers first")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures, with all samples")
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument(
        "--note", default="", help="what the page should say of the machine's state"
    )
    args = parser.parse_args(argv)
    unknown = set(args.suites) - set(SUITES)
    if unknown:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}")
    if args.write and (args.suites or args.quick):
        parser.error("--write takes all suites, and all their rounds")
    return args


if __name__ == "__main__":
    sys.exit(main())
